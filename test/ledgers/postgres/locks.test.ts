/** Locks and connections that others hold. */
import { describeService } from '../../services/shared.ts';
import { registerLocks } from '../sql/locks.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'locks', () => registerLocks(subject));
