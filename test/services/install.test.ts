/** What is installed, and what is said of it; no machine is changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import { install, installScript, type Machine } from '../../services/install.ts';
import type { ServiceName } from '../../services/services.ts';

/** A machine that lacks some services, and what is done to it. */
function machineWithout(lacking: readonly ServiceName[], more: Partial<Machine> = {}) {
  const left = new Set<ServiceName>(lacking);
  const done: string[] = [];
  const machine: Machine = {
    missing: (name) => (left.has(name) ? `${name} is not here` : null),
    packagesFor: async (names) => names.map((name) => `${name}-package`),
    async install(packages) {
      done.push(`apt ${packages.join(' ')}`);
      for (const name of left) if (name !== 'kafka') left.delete(name);
    },
    lacksJars: () => left.has('kafka'),
    async fetchJars() {
      done.push('jars');
      left.delete('kafka');
    },
    ...more,
  };
  return { machine, done };
}

describe('installing', () => {
  test('does and says nothing where everything is here', async () => {
    const { machine, done } = machineWithout([]);
    const said: string[] = [];
    assert.deepEqual(await install(['redis', 'kafka'], (line) => said.push(line), machine), []);
    assert.deepEqual([said, done], [[], []]);
  });

  test('installs what is missing of what is asked for, and says so', async () => {
    const { machine, done } = machineWithout(['redis', 'mariadb', 'kafka']);
    const said: string[] = [];
    assert.deepEqual(await install(['redis', 'postgres', 'kafka'], (line) => said.push(line), machine), []);
    assert.deepEqual(done, ['apt redis-package kafka-package', 'jars']);
    assert.deepEqual(said, [
      'installing redis-package, kafka-package',
      "fetching Kafka's jars from Maven Central (43 MB)",
    ]);
  });

  test('tells what is missing still, and why', async () => {
    const { machine } = machineWithout(['redis'], { install: () => Promise.reject(new Error('no network')) });
    const said: string[] = [];
    assert.deepEqual(await install(['redis'], (line) => said.push(line), machine), ['redis is not here']);
    assert.deepEqual(said, ['installing redis-package', 'Error: no network']);
  });

  test('leaves the remedy where the machine is no Debian', async () => {
    const { machine, done } = machineWithout(['redis'], { packagesFor: async () => [] });
    assert.deepEqual(await install(['redis'], () => undefined, machine), ['redis is not here']);
    assert.deepEqual(done, []);
  });
});

/** Runs the script with an apt-get that fails until it has been told to update, and notes what the policy says. */
async function scripted(hasPolicy: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-install-'));
  try {
    const policy = join(folder, 'policy-rc.d');
    const notes = join(folder, 'notes');
    if (hasPolicy) await writeFile(policy, 'own\n');
    const apt = `#!/bin/sh
echo "$*" >>${notes}
case $1 in update) touch ${folder}/updated ;; install)
  [ -e ${folder}/updated ] || exit 100
  cat ${policy} >>${notes} ;;
esac
`;
    await writeFile(join(folder, 'apt-get'), apt);
    await chmod(join(folder, 'apt-get'), 0o755);
    const { status } = spawnSync('/bin/sh', ['-c', installScript(policy), 'install', 'redis-server'], {
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    });
    return { status, notes: (await readFile(notes, 'utf8')).trim().split('\n'), left: existsSync(policy) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the script for Debian', () => {
  const asked = 'install -y -q --no-install-recommends redis-server';

  test('starts nothing of what it installs, and renews the lists only where it has to', async () => {
    const { status, notes, left } = await scripted(false);
    assert.equal(status, 0);
    assert.deepEqual(notes, [asked, 'update -q', asked, '#!/bin/sh', 'exit 101']);
    assert.equal(left, false);
  });

  test("leaves a machine's own policy as it is", async () => {
    const { notes, left } = await scripted(true);
    assert.deepEqual(notes.slice(3), ['own']);
    assert.equal(left, true);
  });
});
