import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lacks, demandAbilities, registerConcerns } from '../suite.ts';
import type { LedgerAbility, LedgerBench, LedgerConcern, LedgerDriver, LedgerSetup } from './bench.ts';
import { conflicts, probes, refusals, repeats } from './conflicts.ts';
import { changing, failures, reissuing } from './failures.ts';
import { events, issuing, positions } from './issuing.ts';
import { registerMigrating } from './migrating.ts';
import { rates } from './rates.ts';
import { byteExactIds, checking, reading } from './reading.ts';
import { stopping } from './stopping.ts';

const concerns: readonly LedgerConcern[] = [
  issuing,
  positions,
  events,
  repeats,
  conflicts,
  probes,
  refusals,
  failures,
  changing,
  reissuing,
  rates,
  stopping,
  reading,
  byteExactIds,
  checking,
];

/**
 * Registers with node:test all that a ledger has to do, under `ledger conformance: <name>`. Each test has a fresh database of
 * the driver's `setup`. Throws `TypeError` where the driver neither has an ability nor says why.
 */
export function ledgerConformance(name: string, driver: LedgerDriver): void {
  const lacks = driver.lacks ?? {};
  demandAbilities(name, { processes: driver.processes !== undefined }, lacks);
  describe(`ledger conformance: ${name}`, () => {
    registerMigrating(driver);
    registerConcerns(concerns, lacks, async (run) => {
      const setup = await driver.setup();
      try {
        await setup.ledger.migrate();
        await run(benchOf(name, setup, lacks));
      } finally {
        await setup.teardown();
      }
    });
  });
}

function benchOf(name: string, setup: LedgerSetup, lacks: Lacks<LedgerAbility>): LedgerBench {
  const { ledger, clock, plant, unplant, connect } = setup;
  demandAbilities(
    name,
    {
      clock: clock !== undefined,
      plant: plant !== undefined && unplant !== undefined,
      connections: connect !== undefined,
    },
    lacks,
  );
  const missing = () => {
    throw new TypeError('a test uses an ability without saying that it needs it');
  };
  return {
    ledger,
    clock: clock ?? { now: missing, step: missing },
    plant: plant ?? missing,
    unplant: unplant ?? missing,
    connect: connect ?? missing,
    pass: clock === undefined ? (ms) => sleep(ms) : async (ms) => clock.step(ms),
  };
}
