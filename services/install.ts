/** Installs what is missing: Debian's packages, and Kafka's jars from Maven Central. */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { output } from './command.ts';
import { find, findJava } from './find.ts';
import { javaVersion } from './kafka.ts';
import { fetchKafkaJars, kafkaJars } from './kafka-jars.ts';
import { missing } from './missing.ts';
import type { ServiceName } from './service.ts';

/**
 * Debian starts what it installs, now and with the machine; here only the programs are wanted. A machine that has a policy
 * keeps it. The lists of packages are fetched anew only where the ones at hand do not do.
 */
export const installScript = (policy = '/usr/sbin/policy-rc.d'): string => `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=${policy}
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT INT TERM
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
fi
install() { apt-get install -y -q --no-install-recommends "$@"; }
install "$@" || { apt-get update -q && install "$@"; }
[ -d /run/systemd/system ] || exit 0
for package in "$@"; do
  case $package in
    redis-server) systemctl disable --now redis-server ;;
    mariadb-server) systemctl disable --now mariadb ;;
    postgresql) systemctl disable --now postgresql ;;
  esac
done
`;

/** What installing does to this machine; a test has one of its own. */
export interface Machine {
  /** Null where a service can be started; else the remedy. */
  missing(name: ServiceName): string | null;
  /** The packages that some services lack; none where packages are not Debian's. */
  packagesFor(names: readonly ServiceName[]): Promise<readonly string[]>;
  install(packages: readonly string[]): Promise<void>;
  /** Whether Kafka's jars are not here, and Maven is. */
  lacksJars(): boolean;
  fetchJars(): Promise<unknown>;
}

const installMsMax = 15 * 60_000;

/** The machine this runs on. */
export const thisMachine: Machine = {
  missing,
  packagesFor,
  async install(packages) {
    const command = ['/bin/sh', '-c', installScript(), 'install', ...packages];
    // Under CI there is nobody to type a password.
    const sudo = process.env['CI'] === 'true' ? ['sudo', '-n'] : ['sudo'];
    const [program = '', ...args] = process.getuid?.() === 0 ? command : [...sudo, ...command];
    await output(program, args, { env: process.env, timeoutMs: installMsMax });
  },
  lacksJars: () => kafkaJars() === null && find('mvn') !== null,
  fetchJars: fetchKafkaJars,
};

/** Debian, or what is made of it. */
export const isDebian = (): boolean => find('apt-get') !== null && existsSync('/etc/debian_version');

async function packagesFor(names: readonly ServiceName[]): Promise<string[]> {
  const packages = new Set<string>();
  if (!isDebian()) return [];
  for (const name of names) {
    if (name === 'redis' || name === 'redis-cluster') packages.add('redis-server');
    if (name === 'mariadb') packages.add('mariadb-server');
    if (name === 'postgres') packages.add('postgresql');
    if (name !== 'kafka') continue;
    if (findJava(javaVersion) === null) packages.add(await javaPackage());
    if (kafkaJars() === null && find('mvn') === null) packages.add('maven');
  }
  return [...packages];
}

/** Debian 13 has no Java 17 and a newer default; older Ubuntus have a default that is too old, and Java 17. */
async function javaPackage(): Promise<string> {
  const own = `openjdk-${javaVersion}-jre-headless`;
  const known = await output('apt-cache', ['show', own]).catch(() => '');
  return known === '' ? 'default-jre-headless' : own;
}

/** Installs what is missing of some services, says in a line what it does, and returns the remedies for what is missing still. */
export async function install(
  names: readonly ServiceName[],
  say: (line: string) => void,
  machine: Machine = thisMachine,
): Promise<string[]> {
  const wanted = names.filter((name) => machine.missing(name) !== null);
  const attempt = async (line: string, act: () => Promise<unknown>): Promise<void> => {
    say(line);
    // Maven and apt go on for pages after they have said what is wrong.
    await act().catch((error: unknown) => say(String(error).split('\n').slice(0, 3).join('\n')));
  };

  const packages = await machine.packagesFor(wanted);
  if (packages.length > 0) await attempt(`installing ${packages.join(', ')}`, () => machine.install(packages));
  if (wanted.includes('kafka') && machine.lacksJars()) {
    await attempt("fetching Kafka's jars from Maven Central (43 MB)", () => machine.fetchJars());
  }
  return [...new Set(wanted.flatMap((name) => machine.missing(name) ?? []))];
}
