/** Gates on a real Redis: on the one of the whole run, where each has a prefix of its own, or on one that a test may kill. */
import type { TestContext } from 'node:test';
import type { Gate } from '../../../src/core/gate.ts';
import { startRedis } from '../../../services/redis.ts';
import type { StartOptions } from '../../../services/server.ts';
import type { Service } from '../../../services/service.ts';
import { parseRedisAddress } from '../../../src/gates/redis/address.ts';
import { RedisConnection } from '../../../src/gates/redis/connection.ts';
import { openRedisGate, type RedisGateOptions } from '../../../src/gates/redis/gate.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import type { GateDriver, GateSetup } from '../../../src/testing/gate/bench.ts';
import { freshName } from '../../services/shared.ts';

/** Opens a gate as an engine does; `other` in place of what it would be. */
export const openGateAt = (other: Partial<RedisGateOptions> & { readonly url: string }): Promise<Gate> =>
  openRedisGate({ clock: systemClock, random: Math.random, alarm: () => undefined, ...other });

/** A connection past the gate, to look at keys and to change them. */
export const connectTo = (url: string): Promise<RedisConnection> =>
  RedisConnection.open(parseRedisAddress(url), {
    callTimeoutMs: 10_000,
    random: Math.random,
    alarm: () => undefined,
    connected: () => undefined,
  });

/** A fresh gate on a Redis that others use as well. */
export async function setupAt(url: string): Promise<Required<Omit<GateSetup, 'clock'>>> {
  const prefix = freshName();
  let past: Promise<RedisConnection> | null = null;
  let gate = await openGateAt({ url, prefix });
  return {
    gate,
    async reopen() {
      await gate.close();
      gate = await openGateAt({ url, prefix });
      return gate;
    },
    async fence(eventId) {
      const key = `${prefix}:{${eventId}}:event`;
      past ??= connectTo(url);
      await (await past).send(key, 'HSET', key, 'run', '0'.repeat(40));
    },
    async teardown() {
      await gate.close();
      await (await past)?.close();
    },
  };
}

/** What the suite of gates asks of a driver, for the Redis at `url()`. */
export const driverAt = (url: () => Promise<string>): GateDriver => ({
  setup: async () => setupAt(await url()),
  processes: {
    access: 'many',
    store: {
      module: new URL('./gate-process.ts', import.meta.url),
      make: async () => ({ at: `${await url()} ${freshName()}`, remove: async () => undefined }),
    },
  },
  lacks: {
    clock:
      'events open and close by the clock of Redis itself, and a script that a test could tell the time would obey others too',
  },
});

/** A gate on a Redis of its own, which goes with the test; `alarms` is what it has told. */
export async function ownRedis(
  t: TestContext,
  options: Partial<RedisGateOptions> & { readonly service?: StartOptions } = {},
): Promise<{ gate: Gate; service: Service; alarms: string[] }> {
  const { service: start, ...other } = options;
  const service = await startRedis(start);
  t.after(() => service.stop());
  const alarms: string[] = [];
  const gate = await openGateAt({ url: service.url, alarm: (message) => alarms.push(message), ...other });
  t.after(() => gate.close());
  return { gate, service, alarms };
}
