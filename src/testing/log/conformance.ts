import { describe } from 'node:test';
import { registerConcerns } from '../suite.ts';
import type { LogDriver } from './bench.ts';
import { logPlaces, logReading } from './reading.ts';

/**
 * Registers with node:test all that a log has to do, under `log conformance: <name>`. Each test has a fresh log and a fresh
 * gate of the driver's `setup`.
 */
export function logConformance(name: string, driver: LogDriver): void {
  describe(`log conformance: ${name}`, () => {
    registerConcerns([logReading, logPlaces], {}, async (run) => {
      const setup = await driver.setup();
      try {
        await run(setup);
      } finally {
        await setup.teardown();
      }
    });
  });
}
