/**
 * Admits batches until it is killed, and says each win on standard output once it is acknowledged: `win {…}`. Trouble is said as
 * `trouble <code>`, and ends it after the third. Arguments: the file of the gate, and a word that makes its users its own.
 */
import process from 'node:process';
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { DibsError } from '../../../src/core/errors.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';

const [, , path = '', word = ''] = process.argv;
const say = (line: string) => new Promise<void>((resolve) => process.stdout.write(`${line}\n`, () => resolve()));

const gate = await openSqliteGate({ path, clock: systemClock });
await gate.create({ id: 'drop', name: 'Drop', capacity: 10_000_000, limitPerUser: 1, opensAt: null, closesAt: null });

let troubles = 0;
for (let call = 0; troubles < 3; call += 1) {
  const requests = Array.from({ length: 1 + ((call * 7) % 40) }, (_, index) => ({
    userId: `${word}-${call}-${index}-${'x'.repeat(80)}`,
    key: null,
  }));
  try {
    if (call % 11 === 10) await gate.command('drop', { act: call % 2 === 0 ? 'pause' : 'resume' }, null);
    const decisions = await gate.admit('drop', requests);
    await say(decisions.map((one) => (one.outcome === 'won' ? `win ${JSON.stringify(one.win)}\n` : '')).join(''));
  } catch (error) {
    troubles += 1;
    await say(`trouble ${error instanceof DibsError ? error.code : String(error)}`);
  }
}
