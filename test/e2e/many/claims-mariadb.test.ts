/** Claims over many machines, issued into MariaDB. */
import { registerManyClaims } from './claims.ts';

registerManyClaims('mariadb', 'kafka');
