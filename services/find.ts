/** Finds programs, on the PATH and where packages put what is not on it. */
import { accessSync, constants, existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';

const more = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a program, or null. */
export function find(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...more];
  return folders.map((folder) => join(folder, program)).find(isProgram) ?? null;
}

/** The path of a program; throws where it is not here. */
export function found(program: string): string {
  const path = find(program);
  if (path === null) throw new Error(`${program} is not here`);
  return path;
}

/** The folder of PostgreSQL's programs: the newest that Debian keeps away from the PATH, else where the PATH has it. */
export function findPostgres(): string | null {
  const versions = globSync('/usr/lib/postgresql/*/bin').toSorted((a, b) => versionIn(b) - versionIn(a));
  const onPath = find('postgres');
  const folders = onPath === null ? versions : [...versions, dirname(realpathSync(onPath))];
  const programs = ['postgres', 'initdb', 'psql'];
  return folders.find((folder) => programs.every((program) => isProgram(join(folder, program)))) ?? null;
}

const versionIn = (path: string): number => Number(/\d+/.exec(path)?.[0] ?? 0);

/** Java, where it is `version` or newer. */
export function findJava(version: number): string | null {
  const home = process.env['JAVA_HOME'];
  const java = home !== undefined && isProgram(join(home, 'bin/java')) ? join(home, 'bin/java') : find('java');
  if (java === null) return null;
  // The file beside it tells at once; the program itself takes 100 ms.
  const release = join(dirname(dirname(realpathSync(java))), 'release');
  if (!existsSync(release)) return java;
  const told = /^JAVA_VERSION="(?:1\.)?(\d+)/m.exec(readFileSync(release, 'utf8'))?.[1];
  return told === undefined || Number(told) >= version ? java : null;
}

/** Who runs a server that refuses to be run as root: the user of that name, or whoever this is. Null: nobody. */
export function userFor(name: string): { readonly uid: number; readonly gid: number } | null | 'self' {
  if (process.getuid?.() !== 0) return 'self';
  const line = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'));
  return line === null ? null : { uid: Number(line[1]), gid: Number(line[2]) };
}
