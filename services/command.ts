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

/** How a program is run. */
export interface RunOptions {
  readonly user?: User | undefined;
  /** Where absent only what finds programs: `PGHOST` or `MYSQL_PWD` would make a client ask elsewhere. */
  readonly env?: NodeJS.ProcessEnv;
  /** Past what any client takes; a server that is stopped would hold it for ever. */
  readonly timeoutMs?: number;
}

/** What a program writes; where it fails, that and its complaints are thrown. */
export async function output(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { user, env = plainEnvironment(), timeoutMs = 60_000 } = options;
  try {
    const { stdout } = await run(program, args, { env, cwd: '/', timeout: timeoutMs, ...user });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    // Complaints first; Maven has its own among the output.
    const said = `${stderr ?? ''}${stdout ?? ''}`.trim();
    throw new Error(`${program} failed: ${said === '' ? String(error) : said}`, { cause: error });
  }
}

/** Of the environment what finds programs and folders, and a language that can be read from their output. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  const given = Object.entries({ PATH, HOME, TMPDIR }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), LC_ALL: 'C' };
}
