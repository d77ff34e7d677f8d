/** Issuing by several workers into MariaDB. */
import { registerIssuing } from './issuing.ts';

registerIssuing('mariadb');
