/** Faults of issuing by many machines into PostgreSQL. */
import { registerManyFaults } from './faults.ts';

registerManyFaults('postgres');
