/** A PostgreSQL. */
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from './command.ts';
import { createDatabase } from './databases.ts';
import { findPostgres, userFor } from './find.ts';
import { inNewFolder } from './folder.ts';
import { onFreePorts } from './ports.ts';
import { Server, type StartOptions } from './server.ts';
import { type Service, orStop, serviceOf } from './service.ts';

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  shared_buffers: '64MB',
};

const access = `# An engine gives its password, as it does elsewhere; tests may do everything without one.
host all postgres 127.0.0.1/32 trust
host all all      127.0.0.1/32 scram-sha-256
`;

/** Starts a PostgreSQL, where `postgres` needs no password and `dibs` has one. */
export async function startPostgres(options: StartOptions = {}): Promise<Service> {
  const programs = findPostgres();
  const runner = userFor('postgres');
  if (programs === null || runner === null) throw new Error('PostgreSQL, or the user to run it as, is not here');
  // It refuses to be run as root.
  const user = runner === 'self' ? undefined : runner;
  return await inNewFolder('postgres', async (folder) => {
    if (user !== undefined) await chown(folder.path, user.uid, user.gid);
    const data = join(folder.path, 'data');
    const kind = ['--no-sync', '--encoding=UTF8', '--locale=C', '--username=postgres', '--auth=trust'];
    await output(join(programs, 'initdb'), [...kind, '--pgdata', data], { user });
    await writeFile(join(data, 'pg_hba.conf'), access);

    return await onFreePorts(1, async ([port = 0]) => {
      const all = { port: String(port), ...settings, ...options.config };
      const flags = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      const server = await Server.start({
        ...options,
        command: [join(programs, 'postgres'), '-D', data, ...flags],
        place: folder,
        user,
        ready: 'database system is ready to accept connections',
        // The killed server's children see a moment later that it is gone.
        notYet: /pre-existing shared memory block/,
      });
      const admin = `postgres://postgres@127.0.0.1:${port}`;
      const { url: engineUrl } = await orStop([server], () => createDatabase(`${admin}/postgres`, 'dibs'));
      return serviceOf({ name: 'postgres', url: `${admin}/dibs`, engineUrl, folder, servers: [server] });
    });
  });
}
