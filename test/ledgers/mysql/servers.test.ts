/** A MariaDB of its own, that is killed, stopped and set otherwise. */
import { describeService } from '../../services/shared.ts';
import { operate } from '../sql/operate.ts';
import { registerServers, type Servers } from '../sql/servers.ts';
import { subject } from './subject.ts';

const servers: Servers = {
  readOnly: {
    set: async ({ url }) => void (await operate(url, 'SET GLOBAL read_only = 1')),
    unset: async ({ url }) => void (await operate(url, 'SET GLOBAL read_only = 0')),
  },
  unfit: [
    {
      set: ['SET GLOBAL innodb_flush_log_at_trx_commit = 2'],
      unset: ['SET GLOBAL innodb_flush_log_at_trx_commit = 1'],
      named: /innodb_flush_log_at_trx_commit is 2/,
    },
    {
      set: ['SET GLOBAL max_allowed_packet = 4194304'],
      unset: ['SET GLOBAL max_allowed_packet = 16777216'],
      named: /max_allowed_packet is 4194304/,
    },
  ],
  limit: (connections) => `ALTER USER dibs@'%' WITH MAX_USER_CONNECTIONS ${connections}`,
};

describeService('mariadb', 'servers', () => registerServers(subject, servers));
