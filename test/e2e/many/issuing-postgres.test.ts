/** Issuing by several workers into PostgreSQL. */
import { registerIssuing } from './issuing.ts';

registerIssuing('postgres');
