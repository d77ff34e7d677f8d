/** Who starts what the lab needs, and what is said of the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openServices, type ServiceStarter } from '../../../src/cli/lab/services.ts';
import type { ServiceAddresses, ServiceName } from '../../../src/lab/services.ts';

const nowhere: ServiceAddresses = { redis: null, kafka: null, mariadb: null, postgres: null };

/** A machine that has some services, of which some do not come up. */
function machine({
  has = [],
  fails = [],
}: {
  readonly has?: readonly ServiceName[];
  readonly fails?: readonly ServiceName[];
}) {
  const running = new Set<string>();
  const starter: ServiceStarter = {
    missing: (name) => (has.includes(name) ? null : `${name} is not here: install it`),
    async startService(name, { signal }) {
      if (fails.includes(name)) throw new Error(`/usr/bin/${name} --port 1 did not start:\nstarting\nno room left\n`);
      signal.throwIfAborted();
      running.add(name);
      return { url: `${name}://here`, stop: async () => void running.delete(name) };
    },
  };
  return { running, find: async () => starter };
}

/** Opens what is needed, and notes what was said to be starting. */
async function open(
  asked: {
    readonly given?: Partial<ServiceAddresses>;
    readonly needed: readonly ServiceName[];
    readonly signal?: AbortSignal;
  },
  find: () => Promise<ServiceStarter | null>,
) {
  const starting: string[][] = [];
  const { signal = new AbortController().signal } = asked;
  const onStarting = (names: readonly string[]): void => void starting.push([...names]);
  const services = await openServices({ ...asked, given: { ...nowhere, ...asked.given }, signal, onStarting }, find);
  return { services, starting };
}

test('what is needed and here is started, and ends', async () => {
  const { running, find } = machine({ has: ['redis', 'kafka', 'postgres'] });
  const { services, starting } = await open({ needed: ['kafka', 'redis'] }, find);
  assert.deepEqual(starting, [['redis', 'kafka']]);
  assert.deepEqual(services.addresses, { ...nowhere, redis: 'redis://here', kafka: 'kafka://here' });
  assert.deepEqual([...running].sort(), ['kafka', 'redis']);
  await services.stop();
  assert.equal(running.size, 0);
});

test('what is named is used as it is, and nobody ends it', async () => {
  const { running, find } = machine({ has: ['redis'] });
  const { services, starting } = await open({ given: { redis: 'redis://there' }, needed: ['redis'] }, find);
  assert.equal(services.addresses.redis, 'redis://there');
  assert.deepEqual([starting, running.size], [[], 0]);
  await services.stop();
});

test('what is not here says what to do, and what does not come up why', async () => {
  const { running, find } = machine({ has: ['redis', 'mariadb'], fails: ['mariadb'] });
  const { services } = await open({ needed: ['redis', 'kafka', 'mariadb'] }, find);
  assert.deepEqual(services.addresses, { ...nowhere, redis: 'redis://here' });
  assert.equal(services.absences.kafka, 'kafka is not here: install it');
  assert.equal(services.absences.mariadb, 'it was started, and did not come up: no room left');
  await services.stop();
  assert.equal(running.size, 0);
});

test('of what a server complains of the first is told', async () => {
  const said = 'initdb failed: the files belong to this user\ninitdb: error: no program "postgres"\nhint: look for it';
  const find = async (): Promise<ServiceStarter> => ({
    missing: () => null,
    startService: async () => await Promise.reject(new Error(said)),
  });
  const { services } = await open({ needed: ['postgres'] }, find);
  assert.match(services.absences.postgres ?? '', /did not come up: initdb: error: no program "postgres"$/);
});

test('in a package there is nothing to start anything with', async () => {
  const { services, starting } = await open({ needed: ['redis'] }, async () => null);
  assert.deepEqual([services.addresses, services.absences, starting], [nowhere, nowhere, []]);
  await services.stop();
});

test('what is still starting is given up where the lab ends early', async () => {
  const { running, find } = machine({ has: ['redis'] });
  const { services } = await open({ needed: ['redis'], signal: AbortSignal.abort() }, find);
  assert.deepEqual([services.addresses.redis, running.size], [null, 0]);
});
