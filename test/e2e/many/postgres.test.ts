/** Many machines over PostgreSQL. */
import { registerMany } from './fleets.ts';

registerMany('postgres');
