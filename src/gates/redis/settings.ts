import { DibsError } from '../../core/errors.ts';
import type { Reply } from './link.ts';
import type { Classifier } from './trouble.ts';

/** A setting that Redis must have. */
export interface RequiredSetting {
  readonly name: string;
  readonly value: string;
  /** What happens where it is otherwise. */
  readonly why: string;
}

/** Settings without which an acknowledged win could be lost; `CONFIG SET` changes each of them while Redis runs. */
export const requiredSettings: readonly RequiredSetting[] = [
  { name: 'appendonly', value: 'yes', why: 'nothing is on the disk, and a restart loses every win' },
  {
    name: 'appendfsync',
    value: 'always',
    why: 'a win is acknowledged before it is on the disk, and killing Redis loses the last ones',
  },
  {
    name: 'no-appendfsync-on-rewrite',
    value: 'no',
    why: 'while the file is rewritten, a win is acknowledged before it is on the disk',
  },
  { name: 'maxmemory-policy', value: 'noeviction', why: 'wins are thrown away where memory is short' },
];

/** What is not as it must be. */
export interface Finding {
  /** What it is called, and as it is. */
  readonly found: string;
  readonly why: string;
  /** What to do about it; a command where there is one. */
  readonly mend: string;
  /** It is over soon by itself. */
  readonly passing?: true;
}

/** What a server says of itself: `INFO` and `CONFIG GET`, by name. */
export interface ServerState {
  readonly info: ReadonlyMap<string, string>;
  readonly config: ReadonlyMap<string, string>;
}

/** What was seen of a server before. */
export interface Seen {
  /** Its `run_id` once its append-only file was seen to be whole. */
  readonly wholeFile: string | null;
  readonly cluster: boolean;
}

const versionMin = 7;

/** Everything in which a server is not as ack level `local` needs it. */
export function judgeServer({ info, config }: ServerState, seen: Seen, cli: string): Finding[] {
  const findings: Finding[] = [];
  const infoOf = (name: string) => info.get(name) ?? '';
  for (const { name, value, why } of requiredSettings) {
    const is = config.get(name) ?? '';
    if (is === value) continue;
    findings.push({
      found: `${name} is ${is || 'not told'}, not ${value}`,
      why,
      mend: `${cli} CONFIG SET ${name} ${value}`,
    });
  }
  const version = infoOf('redis_version');
  if (!(Number.parseInt(version, 10) >= versionMin))
    findings.push({
      found: `its version is ${version}`,
      why: 'the scripts need more',
      mend: 'install Redis 7 or Valkey 8',
    });
  if (infoOf('role') !== 'master')
    findings.push({ found: `its role is ${infoOf('role')}`, why: 'only a master decides', mend: 'name the master' });
  const replicas = infoOf('connected_slaves');
  if (replicas !== '0')
    findings.push({
      found: `it has replicas (${replicas})`,
      why: 'one that is promoted lacks the last wins, and sells their slots again',
      mend: 'REPLICAOF NO ONE on each replica',
    });
  if ((infoOf('cluster_enabled') === '1') !== seen.cluster)
    findings.push({
      found: seen.cluster ? 'it is no cluster' : 'it is one of a cluster',
      why: 'keys are looked for where they are not',
      mend: seen.cluster ? 'name it by redis://' : 'name the cluster by redis+cluster://',
    });
  return findings.length > 0 || isFileWhole(info, seen.wholeFile) ? findings : [unfinishedFile];
}

const unfinishedFile: Finding = {
  found: 'its first append-only file is still being written',
  why: 'until it is, a restart loses every win',
  mend: 'wait',
  passing: true,
};

/**
 * Whether the append-only file is one that a restart would read. After `CONFIG SET appendonly yes` Redis says that it is
 * there, and writes to one that no manifest names until the first rewrite has ended: killed before, it comes back empty
 * (tried with 7.0.15). A rewrite of a file that was whole before is harmless, however long it takes.
 */
function isFileWhole(info: ReadonlyMap<string, string>, wholeFile: string | null): boolean {
  if (info.get('run_id') === wholeFile) return true;
  const isFirst = info.get('aof_base_size') === '0';
  const isUnderWay = info.get('aof_rewrite_in_progress') !== '0' || info.get('aof_last_bgrewrite_status') !== 'ok';
  return !isFirst || !isUnderWay;
}

/** The findings in one sentence each. */
export const wordsOf = (node: string, findings: readonly Finding[]): string =>
  findings.map(({ found, why, mend }) => `Redis at ${node}: ${found}: ${why}. Mend it: ${mend}.`).join(' ');

const configNames = requiredSettings.map(({ name }) => name);

/** Asks a server for its state. Throws `store_unfit` where it does not tell, as managed ones do not. */
export async function readServer(
  ask: (...args: readonly string[]) => Promise<Reply>,
  node: string,
  classifier: Classifier,
): Promise<ServerState> {
  const told = async (...command: readonly string[]): Promise<Reply> => {
    try {
      return await ask(...command);
    } catch (error) {
      const words = classifier.replyOf(error);
      if (words === null || !/^(?:NOPERM|ERR)/.test(words)) throw error;
      throw new DibsError(
        'store_unfit',
        `Redis at ${node} does not tell ${command[0] ?? ''}: ${words}. Whether it keeps what it acknowledges cannot be known so, ` +
          `as with most Redis that others manage: use one that allows CONFIG GET and INFO.`,
        { cause: error },
      );
    }
  };
  const [info, config] = await Promise.all([told('INFO'), told('CONFIG', 'GET', ...configNames)]);
  return { info: infoMap(String(info)), config: pairMap(config) };
}

function infoMap(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function pairMap(reply: Reply): Map<string, string> {
  const values = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  const pairs = new Map<string, string>();
  for (let at = 0; at + 1 < values.length; at += 2) pairs.set(String(values[at]), String(values[at + 1]));
  return pairs;
}
