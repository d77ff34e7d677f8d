/** Which processes there are, as /proc tells it. Where there is none (macOS), a process is known by its id alone. */
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

interface Entry {
  readonly pid: number;
  readonly parent: number;
  /** The name of the program, cut to 15 characters. */
  readonly program: string;
}

/** Zombies are left out: in a container whose first process reaps nobody they stay for ever. */
function table(): Entry[] {
  const found: Entry[] = [];
  for (const name of numbersIn('/proc')) {
    const entry = entryOf(name);
    if (entry !== null) found.push(entry);
  }
  return found;
}

function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function entryOf(pid: string): Entry | null {
  try {
    // "12 (a name) S 1 …": the name may hold blanks and brackets itself.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const nameEnd = stat.lastIndexOf(')');
    const [state, parent] = stat.slice(nameEnd + 2).split(' ');
    if (state === 'Z' || state === 'X') return null;
    return { pid: Number(pid), parent: Number(parent), program: stat.slice(stat.indexOf('(') + 1, nameEnd) };
  } catch {
    // It ended while the table was read.
    return null;
  }
}

/** A process and all that come from it, parents first. */
export function treeOf(root: number): number[] {
  const entries = table();
  const found = [root];
  for (const parent of found) {
    for (const entry of entries) if (entry.parent === parent) found.push(entry.pid);
  }
  return found;
}

/** The process in a tree that runs a program; the root where none is seen to. Behind `strace` it is a child. */
export function runnerOf(root: number, program: string): number {
  const programs = new Map(table().map((entry) => [entry.pid, entry.program]));
  return treeOf(root).find((pid) => programs.get(pid) === program.slice(0, 15)) ?? root;
}

/** Whether a process still does anything. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return entryOf('self') === null || entryOf(String(pid)) !== null;
}

/** Sends a signal to what is still there of some processes. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
