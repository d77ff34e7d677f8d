/** The ledger passes the suite of all ledgers. */
import { describeService } from '../../services/shared.ts';
import { registerConformance } from '../sql/conformance.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'the suite of all ledgers', () => registerConformance(subject));
