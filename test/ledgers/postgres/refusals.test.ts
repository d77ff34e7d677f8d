/** Rows that the database refuses by the thousand, and its clock. */
import { describeService } from '../../services/shared.ts';
import { registerRefusals } from '../sql/refusals.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'refusals', () => registerRefusals(subject));
