/** A MariaDB. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { output } from './command.ts';
import { createDatabase } from './databases.ts';
import { found } from './find.ts';
import { inNewFolder } from './folder.ts';
import { onFreePorts } from './ports.ts';
import { Server, type StartOptions } from './server.ts';
import { type Service, orStop, serviceOf } from './service.ts';

const settings = {
  'bind-address': '127.0.0.1',
  // A third of what it takes otherwise, on the disk and of memory; durable all the same.
  'innodb-log-file-size': '16M',
  'innodb-buffer-pool-size': '64M',
  'max-connections': '300',
};

// The user without a name, of the installation, would be chosen before one of any host, as those of the engine are.
const firstWords = "DELETE FROM mysql.global_priv WHERE User = '';\nFLUSH PRIVILEGES;\n";

/** Starts a MariaDB, where `root` needs no password and `dibs` has one. */
export async function startMariadb(options: StartOptions = {}): Promise<Service> {
  return await inNewFolder('mariadb', async (folder) => {
    const data = join(folder.path, 'data');
    const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
    const logSize = `--innodb-log-file-size=${settings['innodb-log-file-size']}`;
    const install = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', logSize];
    await output(found('mariadb-install-db'), [...install, ...asRoot, `--datadir=${data}`]);
    const initFile = join(folder.path, 'init.sql');
    await writeFile(initFile, firstWords);

    return await onFreePorts(1, async ([port = 0]) => {
      const files = { datadir: data, socket: join(folder.path, 'socket'), 'pid-file': join(folder.path, 'pid') };
      const all = { ...files, port: String(port), 'init-file': initFile, ...settings, ...options.config };
      const flags = Object.entries(all).map(([key, value]) => `--${key}=${value}`);
      const command = [found('mariadbd'), '--no-defaults', ...asRoot, ...flags] as const;
      const server = await Server.start({ ...options, command, place: folder, ready: 'ready for connections' });
      const admin = `mysql://root@127.0.0.1:${port}`;
      const { url: engineUrl } = await orStop([server], () => createDatabase(admin, 'dibs'));
      return serviceOf({ name: 'mariadb', url: `${admin}/dibs`, engineUrl, folder, servers: [server] });
    });
  });
}
