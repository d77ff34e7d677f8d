/** Runs a program to its end. */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Who a program is run as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** What a program writes; where it fails, that and its complaints are thrown. */
export async function output(program: string, args: readonly string[], user?: User): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], LC_ALL: 'C' };
  try {
    // A bound for clients of a server that is stopped; nothing run here takes as long.
    const { stdout } = await run(program, args, { env, cwd: '/', timeout: 120_000, ...user });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    const said = `${stdout ?? ''}${stderr ?? ''}`.trim();
    throw new Error(`${program} failed: ${said === '' ? String(error) : said}`, { cause: error });
  }
}
