/** Claims over many machines, issued into PostgreSQL. */
import { registerManyClaims } from './claims.ts';

registerManyClaims('postgres', 'embedded');
