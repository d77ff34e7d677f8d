/** Stores that fail under many machines that issue into MariaDB. */
import { registerManyStores } from './stores.ts';

registerManyStores('mariadb');
