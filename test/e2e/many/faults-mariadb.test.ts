/** Faults of issuing by many machines into MariaDB. */
import { registerManyFaults } from './faults.ts';

registerManyFaults('mariadb');
