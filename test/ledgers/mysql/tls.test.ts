/** Encrypted connections. */
import { describeService } from '../../services/shared.ts';
import { registerTls } from '../sql/tls.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'encryption', () => registerTls(subject));
