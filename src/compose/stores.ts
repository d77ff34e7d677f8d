import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config.ts';
import type { Alarm } from '../core/alarm.ts';
import type { Clock } from '../core/clock.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger } from '../core/ledger.ts';
import type { WinLog } from '../core/win-log.ts';
import { openSqliteGate } from '../gates/sqlite/gate.ts';
import { openSqliteLedger } from '../ledgers/sqlite/ledger.ts';
import { Attendance } from '../lib/attendance.ts';
import { openEmbeddedLog } from '../logs/embedded/log.ts';

/** What all stores are opened with. */
export interface StoreHooks {
  readonly clock: Clock;
  readonly random: () => number;
  readonly alarm: Alarm;
}

/** The stores of one process. */
export interface OpenedStores {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly attendance: Attendance;
}

/** Whether other processes may work on the same stores at the same time. */
export const isShared = (config: Config): boolean => config.gate.driver !== 'sqlite';

/** Opens what a configuration names; where one cannot be opened the others are closed again. */
export async function openStores(config: Config, hooks: StoreHooks): Promise<OpenedStores> {
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(store: T): T => {
    opened.unshift(store);
    return store;
  };
  try {
    const gate = keep(await openGate(config, hooks));
    const ledger = keep(await openLedger(config, hooks));
    // A file of this process's own is brought to its version at once; a database that others use is not touched.
    if (config.ledger.driver === 'sqlite' && !isShared(config)) await ledger.migrate();
    // Before the log, whose opening may make a topic.
    await ledger.check();
    const attendance = new Attendance({ gate, clock: hooks.clock, worker: randomUUID(), isShared: isShared(config) });
    const log = keep(await openLog(config, hooks, gate, attendance));
    return { gate, log, ledger, attendance };
  } catch (error) {
    for (const store of opened) await store.close().catch(() => undefined);
    throw error;
  }
}

async function openGate({ gate }: Config, { clock, random, alarm }: StoreHooks): Promise<Gate> {
  if (gate.driver === 'sqlite') {
    await mkdir(dirname(gate.path), { recursive: true, mode: 0o700 });
    return openSqliteGate({ path: gate.path, clock });
  }
  const { openRedisGate } = await import('../gates/redis/gate.ts');
  return openRedisGate({ url: gate.url, clock, random, alarm });
}

/** Opens the ledger alone, as bringing it to its version needs. */
export async function openLedger({ ledger }: Config, { clock }: StoreHooks): Promise<Ledger> {
  switch (ledger.driver) {
    case 'sqlite':
      await mkdir(dirname(ledger.path), { recursive: true, mode: 0o700 });
      return openSqliteLedger({ path: ledger.path, clock });
    case 'mysql': {
      const { openMysqlLedger } = await import('../ledgers/mysql/ledger.ts');
      return openMysqlLedger({ url: ledger.url });
    }
    case 'postgres': {
      const { openPostgresLedger } = await import('../ledgers/postgres/ledger.ts');
      return openPostgresLedger({ url: ledger.url });
    }
  }
}

async function openLog(config: Config, hooks: StoreHooks, gate: Gate, attendance: Attendance): Promise<WinLog> {
  const { log, kafkaUser, kafkaPassword } = config;
  if (log.driver === 'embedded') return openEmbeddedLog(gate, attendance);
  const { openKafkaLog } = await import('../logs/kafka/log.ts');
  return openKafkaLog({
    brokers: log.brokers,
    topic: log.topic,
    tls: log.tls,
    ...(log.partitions === null ? {} : { partitions: log.partitions }),
    ...(kafkaUser === null || kafkaPassword === null
      ? {}
      : { sasl: { user: kafkaUser, password: kafkaPassword, mechanism: log.mechanism } }),
    ...hooks,
  });
}

/** `api` and `worker` are many processes around stores that many can reach. */
export function demandShared(config: Config, command: string): void {
  if (!isShared(config))
    throw new DibsError(
      'invalid_configuration',
      `DIBS_GATE: \`dibs ${command}\` needs a gate that many processes share; give redis://…, or use \`dibs serve\`, which does everything in one process.`,
    );
  if (!config.ledgerGiven)
    throw new DibsError(
      'invalid_configuration',
      `DIBS_LEDGER: \`dibs ${command}\` has to be told which ledger all processes share, or each machine would keep coupons of its own; give mysql://… or postgres://…, or sqlite:… where all of them run on this one.`,
    );
}
