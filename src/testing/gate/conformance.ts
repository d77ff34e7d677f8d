import { describe } from 'node:test';
import { demandAbilities, registerConcerns } from '../suite.ts';
import { batches, concurrency } from './batches.ts';
import type { GateBench, GateConcern, GateDriver, GateSetup } from './bench.ts';
import { capacity } from './capacity.ts';
import { commands, creating, refusedCommands } from './creating.ts';
import { checking, reopening } from './durability.ts';
import { ids, listing } from './listing.ts';
import { outbox, trimming } from './outbox.ts';
import { precedenceUpToOne, precedenceUpToTwo, rejections } from './precedence.ts';
import { registerRace } from './race.ts';
import { limit, replay } from './replay.ts';
import { restoring } from './restore.ts';
import { attendance, covering, fencing, scanning } from './sharing.ts';
import { clockSteps, opening } from './time.ts';

const concerns: readonly GateConcern[] = [
  creating,
  commands,
  refusedCommands,
  precedenceUpToOne,
  precedenceUpToTwo,
  rejections,
  replay,
  limit,
  capacity,
  opening,
  clockSteps,
  batches,
  concurrency,
  outbox,
  trimming,
  restoring,
  reopening,
  checking,
  listing,
  ids,
  scanning,
  covering,
  fencing,
  attendance,
];

/**
 * Registers with node:test all that a gate has to do, under `gate conformance: <name>`. Each test has a fresh gate of the
 * driver's `setup`. Throws `TypeError` where the driver neither has an ability nor says why.
 */
export function gateConformance(name: string, driver: GateDriver): void {
  const lacks = driver.lacks ?? {};
  demandAbilities(name, { processes: driver.processes !== undefined }, lacks);
  describe(`gate conformance: ${name}`, () => {
    registerRace(driver);
    registerConcerns(concerns, lacks, async (run) => {
      const setup = await driver.setup();
      try {
        await run(benchOf(name, setup, driver));
      } finally {
        await setup.teardown();
      }
    });
  });
}

function benchOf(name: string, { gate, clock, reopen, fence }: GateSetup, { lacks = {} }: GateDriver): GateBench {
  demandAbilities(
    name,
    { clock: clock !== undefined, reopen: reopen !== undefined, fence: fence !== undefined },
    lacks,
  );
  const missing = () => {
    throw new TypeError('a test uses an ability without saying that it needs it');
  };
  return {
    gate,
    clock: clock ?? { now: missing, step: missing },
    reopen: reopen ?? missing,
    fence: fence ?? missing,
  };
}
