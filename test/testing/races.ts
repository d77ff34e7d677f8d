/** Not a test of its own: runs the races of the suite on gates that processes share, one whole and one torn. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { registerRace } from '../../src/testing/gate/race.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { modelGateSetup } from './model-setup.ts';

for (const [name, suffix, access] of [
  ['whole', '', 'many'],
  ['torn', '?torn', 'many'],
  ['unlocked', '', 'one'],
] as const) {
  describe(name, () => {
    registerRace({
      setup: () => modelGateSetup(openModelGate),
      processes: {
        access,
        store: {
          module: new URL('./shared-gate.ts', import.meta.url),
          async make() {
            const folder = await mkdtemp(join(tmpdir(), 'dibs-race-'));
            return { at: `${join(folder, 'gate.db')}${suffix}`, remove: () => rm(folder, { recursive: true }) };
          },
        },
      },
    });
  });
}
