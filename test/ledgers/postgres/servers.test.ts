/** A PostgreSQL of its own, that is killed, stopped and set otherwise. */
import { describeService } from '../../services/shared.ts';
import { operate } from '../sql/operate.ts';
import { registerServers, type Servers } from '../sql/servers.ts';
import { subject } from './subject.ts';

const servers: Servers = {
  readOnly: {
    set: async ({ url }) => void (await operate(url, 'REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM dibs')),
    unset: async ({ url }) => void (await operate(url, 'GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO dibs')),
  },
  unfit: [
    {
      set: ['ALTER SYSTEM SET fsync = off', 'SELECT pg_reload_conf()'],
      unset: ['ALTER SYSTEM RESET fsync', 'SELECT pg_reload_conf()'],
      named: /fsync = off/,
    },
  ],
  limit: (connections) => `ALTER ROLE dibs CONNECTION LIMIT ${connections === 0 ? -1 : connections}`,
};

describeService('postgres', 'servers', () => registerServers(subject, servers));
