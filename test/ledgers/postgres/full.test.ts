/** A PostgreSQL whose files may grow no further. */
import { describeService } from '../../services/shared.ts';
import { registerFull } from '../sql/full.ts';
import { subject } from './subject.ts';

// A little more than a segment of its log, which is made whole and never grows.
const wrap = ['prlimit', '--fsize=17000000'];

// The bound is that of one file: what is to be full is the file that holds the long texts of the failed issuances.
const hog = `INSERT INTO failed_issuances (event_id, record, error, attempts, state)
SELECT 'hog', string_agg(sha512(random()::text::bytea)::text, ''), '', 1, 'reissued' FROM generate_series(1, 4000)`;

describeService('postgres', 'room', () =>
  registerFull(subject, {
    options: { wrap },
    complaint: /could not extend file/,
    hog,
    giveBack: ["DELETE FROM failed_issuances WHERE event_id = 'hog'", 'VACUUM FULL failed_issuances'],
  }),
);
