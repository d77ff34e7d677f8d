import { describe } from 'node:test';
import { type Lacks, demandAbilities, registerConcerns } from '../suite.ts';
import { logAppending } from './appending.ts';
import type { LogAbility, LogBench, LogConcern, LogDriver, LogSetup } from './bench.ts';
import { logPoison } from './poison.ts';
import { logPlaces, logReading } from './reading.ts';
import { logSharing } from './sharing.ts';

const concerns: readonly LogConcern[] = [logReading, logPlaces, logAppending, logPoison, logSharing];

/**
 * Registers with node:test all that a log has to do, under `log conformance: <name>`. Each test has a fresh log and a fresh
 * gate of the driver's `setup`. A test throws `TypeError` where the driver neither has an ability nor says why.
 */
export function logConformance(name: string, driver: LogDriver): void {
  const lacks = driver.lacks ?? {};
  describe(`log conformance: ${name}`, () => {
    registerConcerns(concerns, lacks, async (run) => {
      const setup = await driver.setup();
      try {
        await run(benchOf(name, setup, lacks));
      } finally {
        await setup.teardown();
      }
    });
  });
}

function benchOf(name: string, setup: LogSetup, lacks: Lacks<LogAbility>): LogBench {
  const { log, gate, settle, plant, connect, sharingMsMax = 15_000 } = setup;
  const has = { append: log.append !== null, plant: plant !== undefined, workers: connect !== undefined };
  demandAbilities(name, has, lacks);
  const missing = () => {
    throw new TypeError('a test uses an ability without saying that it needs it');
  };
  const append = log.append ?? missing;
  return { log, gate, settle, append, plant: plant ?? missing, connect: connect ?? missing, sharingMsMax };
}
