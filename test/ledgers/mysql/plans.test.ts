/** The plans of the statements. */
import { describeService } from '../../services/shared.ts';
import { registerPlans } from '../sql/plans.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'plans', () => registerPlans(subject));
