/** Random traces, against the model. */
import { describeService } from '../../services/shared.ts';
import { registerTraces } from '../sql/traces.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'traces', () => registerTraces(subject));
