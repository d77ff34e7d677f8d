import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { type Config, environmentWithoutKeys, readConfig } from '../../config.ts';
import { Server } from '../server.ts';
import { CliTrouble } from '../trouble.ts';

/** The server that a demo is held on. */
export interface DemoServer {
  readonly server: Server;
  readonly serviceKey: string;
  /** True: it was started for the demo and goes with it. */
  readonly isOwn: boolean;
  /** Stops and removes a server of its own; another one goes on. */
  stop(): Promise<void>;
}

/** The server that runs already and whose keys are at hand, or else one of its own in a folder that goes with it. */
export async function demoServer(config: Config, signal: AbortSignal): Promise<DemoServer> {
  const server = new Server(config);
  try {
    const serviceKey = await usableKey(server);
    return { server, serviceKey, isOwn: false, stop: async () => {} };
  } catch (error) {
    // Whoever names a server means that one.
    if (config.urlGiven || !(error instanceof CliTrouble)) throw error;
  }
  return startServer(signal);
}

/** The service key, once both keys are known to be at hand and the admin key to be the server's. */
async function usableKey(server: Server): Promise<string> {
  await server.ask({ path: '/v1/events?limit=1', as: 'admin' });
  const held = await server.keys.find('service');
  if (held === null) throw server.keys.missing('service');
  return held.key;
}

// In place of a line in the server that no other caller needs: a server whose demo is killed must not live on.
const endWithParent = `data:text/javascript,${encodeURIComponent(
  "import process from 'node:process'; process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();",
)}`;

async function startServer(signal: AbortSignal): Promise<DemoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-demo-'));
  const dataDir = join(folder, 'data');
  const bin = join(import.meta.dirname, `../bin${extname(import.meta.filename)}`);
  const args = ['--import', endWithParent, bin, 'serve', '--json', '--data', dataDir, '--port', '0'];
  // Started in the empty folder, so that no dibs.config.json of the user's is read.
  const options = { cwd: folder, env: environmentWithoutKeys(), signal, killSignal: 'SIGTERM' } as const;
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  // An abort is told here as an error, although it is one's own.
  child.on('error', () => {});
  const ended = once(child, 'close').catch(() => undefined);
  let said = '';
  child.stderr?.on('data', (chunk: Uint8Array) => {
    said += String(chunk);
  });

  async function stop(): Promise<void> {
    // Once: to a server a second signal means to drop everything.
    if (!child.killed) child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await ended;
    await rm(folder, { recursive: true, force: true });
  }

  const url = await listeningAt(child.stdout, ended);
  const { config } = readConfig({
    flags: { DIBS_DATA: dataDir, DIBS_URL: url ?? 'http://0.0.0.0' },
    env: {},
    cwd: folder,
  });
  if (url === null || config === null) {
    await stop();
    throw new CliTrouble('no_server', `A server for the demo did not start. ${said.trim()}`);
  }
  const server = new Server(config);
  return { server, serviceKey: await usableKey(server), isOwn: true, stop };
}

/** The address in the first line of a server; null where it ends without one. */
async function listeningAt(stdout: NodeJS.ReadableStream | null, ended: Promise<unknown>): Promise<string | null> {
  if (stdout === null) return null;
  const lines = createInterface({ input: stdout });
  const first = await Promise.race([once(lines, 'line') as Promise<[string]>, ended.then(() => null)]);
  // What it says from here on must not fill the pipe.
  stdout.resume();
  if (first === null) return null;
  const { url } = JSON.parse(first[0]) as { readonly url?: unknown };
  return typeof url === 'string' ? url : null;
}
