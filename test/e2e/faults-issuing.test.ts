/** Faults that such systems have had between the win and its coupon, against one server. */
import { describe } from 'node:test';
import { registerConflicts } from './cases/conflicts.ts';
import { registerIssuing } from './cases/issuing.ts';
import { registerLedgerTrouble } from './cases/ledger-trouble.ts';
import { oneServer } from './site.ts';

describe('faults of single issuances', () => registerIssuing(oneServer));
describe('faults of the ledger as a whole', () => registerLedgerTrouble(oneServer));
describe('coupons that contradict the wins', () => registerConflicts(oneServer));
