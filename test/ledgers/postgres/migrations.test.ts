/** How the schema comes to be. */
import { describeService } from '../../services/shared.ts';
import { registerMigrations } from '../sql/migrations.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'the schema', () => registerMigrations(subject));
