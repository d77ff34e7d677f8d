/** Faults that first-come-first-served systems have had, in deciding who wins and who may do what, against one server. */
import { describe } from 'node:test';
import { registerDeciding } from './cases/deciding.ts';
import { registerRoles } from './cases/roles.ts';
import { oneServer } from './site.ts';

describe('faults of deciding', () => registerDeciding(oneServer));
describe('faults of who may do what', () => registerRoles(oneServer));
