/** Stores that fail under many machines that issue into PostgreSQL. */
import { registerManyStores } from './stores.ts';

registerManyStores('postgres');
