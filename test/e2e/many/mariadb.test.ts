/** Many machines over MariaDB. */
import { registerMany } from './fleets.ts';

registerMany('mariadb');
