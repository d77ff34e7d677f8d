import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { commonOf, crowd, folded, openEvent, standing } from '../gate/acting.ts';
import { endOf, poisonOf, readAll, recordsOf } from './acting.ts';
import { type LogConcern, needing } from './bench.ts';

const whole = {
  v: 1,
  type: 'wins',
  eventId: 'drop',
  epoch: 1,
  revision: 1,
  wins: [{ slot: 1, userId: 'eve', nth: 1, claimId: '1-0123456789ab', key: null, wonAt: 1 }],
};

/** Texts that are no records, by what is wrong with them. */
const texts: Readonly<Record<string, string>> = {
  'cut JSON': JSON.stringify(whole).slice(0, -20),
  'of a later schema': JSON.stringify({ ...whole, v: 2 }),
  'of no schema': JSON.stringify({ ...whole, v: undefined }),
  'of an unknown type': JSON.stringify({ ...whole, type: 'losses' }),
  'a win without its user': JSON.stringify({ ...whole, wins: [{ ...whole.wins[0], userId: undefined }] }),
  'wins of nobody': JSON.stringify({ ...whole, wins: [] }),
  'a list': '[]',
  null: 'null',
  prose: 'Hello, 세계 🎟️',
  'nothing at all': '',
  'nested deeply': '['.repeat(20_000),
};

/** Bytes that are no text, or none that every database keeps. */
const bytes: Readonly<Record<string, Uint8Array>> = {
  NUL: Buffer.from('{"v":1,\0}'),
  'no UTF-8': Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
  'UTF-8 that ends too soon': Buffer.from('é').subarray(0, 1),
  'a lone surrogate': Buffer.from([0xed, 0xa0, 0x80]),
};

export const logPoison: LogConcern = {
  concern: 'poison',
  cases: {
    'stands in its place, and reading goes on behind it': needing(['plant'], async (bench) => {
      const { gate, log, settle, plant } = bench;
      const partition = log.partitionOf('drop');
      await openEvent(gate, { capacity: 100 });
      const all = { ...texts, ...bytes };
      for (const [index, raw] of Object.values(all).entries()) {
        await gate.admit('drop', crowd(1, `u${index}-`));
        await settle();
        await plant('drop', Buffer.from(raw));
      }
      await gate.admit('drop', crowd(1, 'last-'));
      await settle();
      for (const winsMax of [1, 3, 1000]) {
        const batches = await readAll(log, partition, log.start, winsMax);
        assert.equal(poisonOf(batches).length, Object.keys(all).length);
        assert.deepEqual(commonOf(folded(recordsOf(batches))), commonOf(await standing(gate)));
        assert.equal(log.distance(batches.at(-1)!.position, await endOf(log, partition)), 0);
      }
      const order = (await readAll(log, partition)).flatMap(({ records }) => records).map(({ type }) => type);
      assert.deepEqual(order.indexOf('poison') > 0 && order.lastIndexOf('poison') < order.length - 1, true);
    }),
    'is kept to the letter, and says what is wrong with it': needing(['plant'], async ({ log, plant }) => {
      for (const text of Object.values(texts)) await plant('drop', Buffer.from(text));
      const poison = poisonOf(await readAll(log, log.partitionOf('drop')));
      assert.deepEqual(
        poison.map(({ raw }) => raw),
        Object.values(texts),
      );
      for (const { error } of poison) assert.match(error, /\S/);
    }),
    'that is no text is kept in base64': needing(['plant'], async ({ log, plant }) => {
      for (const raw of Object.values(bytes)) await plant('drop', raw);
      assert.deepEqual(
        poisonOf(await readAll(log, log.partitionOf('drop'))).map(({ raw }) => raw),
        Object.values(bytes).map((raw) => `base64:${Buffer.from(raw).toString('base64')}`),
      );
    }),
    'is read in pieces as well': needing(['plant'], async ({ log, plant }) => {
      for (let index = 0; index < 60; index += 1) await plant('drop', Buffer.from(`poison ${index}`));
      const batches = await readAll(log, log.partitionOf('drop'), log.start, 10);
      assert.equal(poisonOf(batches).length, 60);
      for (const { records } of batches)
        assert.ok(records.length <= 20, `${records.length} where about 10 were asked for`);
    }),
  },
};
