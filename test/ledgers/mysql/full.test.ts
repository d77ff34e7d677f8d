/** A MariaDB whose one file may grow no further. */
import { describeService } from '../../services/shared.ts';
import { registerFull } from '../sql/full.ts';
import { subject } from './subject.ts';

const config = { 'innodb-file-per-table': '0', 'innodb-data-file-path': 'ibdata1:12M:autoextend:max:28M' };

describeService('mariadb', 'room', () =>
  registerFull(subject, {
    options: { config },
    complaint: /full/,
    hog: "INSERT INTO hog VALUES (REPEAT('x', 60000))",
    giveBack: ['DROP TABLE hog'],
  }),
);
