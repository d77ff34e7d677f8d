/** Ids, texts and rows: kept byte for byte, or refused. */
import { describeService } from '../../services/shared.ts';
import { registerRows } from '../sql/rows.ts';
import { subject } from './subject.ts';

describeService(subject.service, 'rows', () => registerRows(subject));
