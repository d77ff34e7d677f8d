import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Gate } from '../../core/gate.ts';
import { type LogRecord, outboxStart } from '../../core/record.ts';
import { commonOf, crowd, folded, openEvent, standing } from '../gate/acting.ts';
import { troubleOf } from '../refusal.ts';
import { endOf, live, readAll, recordsOf } from './acting.ts';
import { type LogConcern, needing } from './bench.ts';

const outboxOf = (gate: Gate, eventId: string): Promise<LogRecord[]> => gate.outbox(eventId, outboxStart, 1_000_000);

/** Records of several events in turn, those of each in order. */
const shuffled = (lists: readonly LogRecord[][]): LogRecord[] =>
  Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat();

export const logAppending: LogConcern = {
  concern: 'appending',
  cases: {
    'keeps the order of each event, whatever else comes with it': needing(['append'], async ({ gate, log, append }) => {
      const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const id of ids) await live(gate, id);
      const lists = await Promise.all(ids.map((id) => outboxOf(gate, id)));
      await append(shuffled(lists));
      for (const [index, id] of ids.entries()) {
        assert.deepEqual(recordsOf(await readAll(log, log.partitionOf(id)), id), lists[index]);
      }
    }),
    'of one event twice at the same time keeps the order of the calls': needing(['append'], async (bench) => {
      const { gate, log, append } = bench;
      await live(gate);
      const records = await outboxOf(gate, 'drop');
      await Promise.all(records.map((record) => append([record])));
      assert.deepEqual(recordsOf(await readAll(log, log.partitionOf('drop'))), records);
    }),
    'has done so once it answers': needing(['append'], async ({ gate, log, append }) => {
      await live(gate);
      const partition = log.partitionOf('drop');
      for (const [index, record] of (await outboxOf(gate, 'drop')).entries()) {
        const before = await endOf(log, partition);
        await append([record]);
        assert.ok(log.distance(before, await endOf(log, partition)) > 0, 'the end is further');
        assert.deepEqual(recordsOf(await readAll(log, partition)).length, index + 1);
      }
    }),
    'again is a repeat and no more': needing(['append'], async ({ gate, log, append }) => {
      await live(gate);
      const records = await outboxOf(gate, 'drop');
      for (const count of [3, 2, 6, records.length, records.length]) await append(records.slice(0, count));
      const state = folded(recordsOf(await readAll(log, log.partitionOf('drop'))));
      assert.deepEqual(commonOf(state), commonOf(await standing(gate)));
    }),
    'of nothing does nothing': needing(['append'], async ({ gate, log, append }) => {
      await live(gate);
      await append(await outboxOf(gate, 'drop'));
      const ends = await log.ends(null, 1000);
      await append([]);
      assert.deepEqual(await log.ends(null, 1000), ends);
    }),
    'of more than any store takes in one go arrives whole and in order': needing(['append'], async (bench) => {
      const { gate, log, append } = bench;
      await openEvent(gate, { capacity: 4_000 });
      for (let round = 0; round < 20; round += 1) await gate.admit('drop', crowd(200, `r${round}-${'x'.repeat(600)}-`));
      const records = await outboxOf(gate, 'drop');
      const bytes = records.reduce((sum, record) => sum + JSON.stringify(record).length, 0);
      assert.ok(bytes > 2_500_000, `${bytes} bytes`);
      await append(records);
      // Not deepEqual: what it would print of two such lists takes it minutes.
      const arrived = recordsOf(await readAll(log, log.partitionOf('drop')));
      assert.equal(arrived.length, records.length);
      assert.ok(isDeepStrictEqual(arrived, records), 'every record is what it was');
    }),
    'gives back what was put in, whatever it is spelt with': needing(['append'], async ({ gate, log, append }) => {
      await openEvent(gate, { name: 'Größe "M" \\ 한정판 🎟️ \u2028 </script>', capacity: 9 });
      await gate.admit(
        'drop',
        ['"', '\\', 'é', 'e\u0301', '홍길동', '🎟️', ' a '].map((userId) => ({ userId, key: `${userId}'` })),
      );
      const records = await outboxOf(gate, 'drop');
      await append(records);
      assert.deepEqual(recordsOf(await readAll(log, log.partitionOf('drop'))), records);
    }),
    'to a log that is closed is refused': needing(['append'], async ({ gate, log, append }) => {
      await live(gate);
      const records = await outboxOf(gate, 'drop');
      await log.close();
      await troubleOf('unavailable', () => append(records));
    }),
  },
};
