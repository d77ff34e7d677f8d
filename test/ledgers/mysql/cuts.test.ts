/** Connections that break, and databases that do not answer. */
import { describeService } from '../../services/shared.ts';
import { registerCuts } from '../sql/cuts.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'the connection', () => registerCuts(subject));
