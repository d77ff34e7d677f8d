import assert from 'node:assert/strict';
import { claim, commonOf, crowd, folded, openEvent, standing } from '../gate/acting.ts';
import { endOf, live, newSlotsOf, readAll as read, recordsOf } from './acting.ts';
import type { LogConcern } from './bench.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

export const logReading: LogConcern = {
  concern: 'reading',
  cases: {
    'carries every win in slot order without a gap, and folds to what the gate has': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const records = recordsOf(await read(log, log.partitionOf('drop')));
      assert.deepEqual(newSlotsOf(records), upTo(40));
      assert.deepEqual(commonOf(folded(records)), commonOf(await standing(gate)));
    },
    'of an event that nothing has happened to is empty': async ({ log, settle }) => {
      await settle();
      assert.deepEqual((await log.read(log.partitionOf('drop'), log.start, 10)).records, []);
    },
    'in pieces of any size is the same': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const event = commonOf(await standing(gate));
      for (const winsMax of [1, 2, 7, 39, 40, 41]) {
        const batches = await read(log, log.partitionOf('drop'), log.start, winsMax);
        assert.deepEqual(commonOf(folded(recordsOf(batches))), event, `${winsMax} at a time`);
      }
    },
    'gives at most about as many wins as were asked for': async ({ gate, log, settle }) => {
      await openEvent(gate, { capacity: 1000 });
      for (let round = 0; round < 40; round += 1) await gate.admit('drop', crowd(10, `r${round}-`));
      await settle();
      const batches = await read(log, log.partitionOf('drop'), log.start, 25);
      for (const { records } of batches) {
        const wins = records.flatMap((record) => (record.type === 'wins' ? record.wins : [])).length;
        assert.ok(wins <= 50, `${wins} wins where about 25 were asked for`);
      }
    },
    'goes on from every position that it has given': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const batches = await read(log, partition, log.start, 1);
      for (const [index, { position }] of batches.entries()) {
        const state = folded(recordsOf(batches.slice(0, index + 1)));
        const rest = recordsOf(await read(log, partition, position));
        assert.deepEqual(commonOf(folded(rest, state)), commonOf(await standing(gate)), `from ${position} on`);
      }
    },
    'again from a position gives the same': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const [first] = await read(log, partition, log.start, 5);
      assert.deepEqual(await log.read(partition, log.start, 5), await log.read(partition, log.start, 5));
      const again = recordsOf(await read(log, partition, first!.position, 5));
      assert.deepEqual(again, recordsOf(await read(log, partition, first!.position, 5)));
    },
    'finds behind the end what came later': async ({ gate, log, settle }) => {
      await openEvent(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const before = await read(log, partition);
      const end = before.at(-1)?.position ?? log.start;
      assert.deepEqual((await log.read(partition, end, 10)).records, []);
      await claim(gate, 'alice');
      await gate.command('drop', { act: 'pause' }, null);
      await settle();
      const state = folded(recordsOf(await read(log, partition, end)), folded(recordsOf(before)));
      assert.deepEqual(commonOf(state), commonOf(await standing(gate)));
    },
    'of one event has nothing to do with another': async ({ gate, log, settle }) => {
      await live(gate, 'one');
      await openEvent(gate, { id: 'two' });
      await claim(gate, 'alice', null, 'two');
      await settle();
      assert.equal(newSlotsOf(recordsOf(await read(log, log.partitionOf('one')), 'one')).length, 40);
      assert.deepEqual(newSlotsOf(recordsOf(await read(log, log.partitionOf('two')), 'two')), [1]);
    },
  },
};

export const logPlaces: LogConcern = {
  concern: 'partitions and positions',
  cases: {
    'an event has one partition, always the same': async ({ gate, log, settle }) => {
      const ids = ['a', 'A', 'a.', 'a-b', 'constructor', `x${'y'.repeat(63)}`];
      const partitions = ids.map((id) => log.partitionOf(id));
      for (const id of ids) await openEvent(gate, { id });
      await settle();
      assert.deepEqual(
        ids.map((id) => log.partitionOf(id)),
        partitions,
      );
      const listed = new Set((await log.ends(null, 1000)).map((one) => one.partition));
      for (const partition of partitions) assert.ok(listed.has(partition), `${partition} is listed`);
    },
    'partitions come in byte order, in pages': async ({ gate, log, settle }) => {
      for (const id of ['c', 'a', 'B', 'b', 'a-b', '9']) await openEvent(gate, { id });
      await settle();
      const all = await log.ends(null, 1000);
      const names = all.map((one) => one.partition);
      assert.deepEqual(names, names.toSorted());
      const paged: string[] = [];
      for (let page = await log.ends(null, 2); page.length > 0; page = await log.ends(paged.at(-1) ?? null, 2)) {
        assert.ok(page.length <= 2);
        paged.push(...page.map((one) => one.partition));
      }
      assert.deepEqual(paged, names);
    },
    'the end of a partition is where reading ends': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const last = (await read(log, partition, log.start, 7)).at(-1);
      assert.equal(log.distance(last!.position, await endOf(log, partition)), 0);
    },
    'positions are ordered as the records behind them': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const positions = [log.start, ...(await read(log, partition, log.start, 1)).map((batch) => batch.position)];
      for (const [index, a] of positions.entries()) {
        for (const [other, b] of positions.entries()) {
          assert.equal(Math.sign(log.distance(b, a)), Math.sign(index - other), `${a} against ${b}`);
        }
      }
    },
    'the distance of two is about how many records or wins lie between': async ({ gate, log, settle }) => {
      await live(gate);
      await settle();
      const partition = log.partitionOf('drop');
      const records = recordsOf(await read(log, partition)).length;
      const distance = log.distance(log.start, await endOf(log, partition));
      assert.ok(
        distance >= records / 2 && distance <= 2 * (records + 40),
        `${distance} for ${records} records, 40 wins`,
      );
    },
    'the start stands before the end of whatever was written': async ({ gate, log, settle }) => {
      await openEvent(gate);
      await settle();
      assert.ok(log.distance(log.start, await endOf(log, log.partitionOf('drop'))) > 0);
    },
    'passes its check, says which it is, and closes': async ({ log }) => {
      await log.check();
      assert.match(log.kind, /^[a-z]+$/);
      await log.close();
    },
  },
};
