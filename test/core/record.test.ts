import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareOutboxIds, outboxEnd, outboxIdOf, parseOutboxId, parseRecord } from '../../src/core/record.ts';
import { eventRecord, specOf, winAt, winsRecord } from './records.ts';

describe('outbox ids', () => {
  it('are where a record stands', () => {
    assert.equal(outboxIdOf(eventRecord(1)), '0-1');
    assert.equal(outboxIdOf(eventRecord(9, { won: 7, n: 2 })), '7-2');
    assert.equal(outboxIdOf(winsRecord(winAt(1))), '1-0');
    assert.equal(outboxIdOf(winsRecord(winAt(4), winAt(5), winAt(6))), '6-0');
    assert.equal(outboxEnd({ won: 6, acts: 0 }), '6-0');
    assert.equal(outboxEnd({ won: 10_000_000, acts: 3 }), '10000000-3');
  });
  it('come apart into slot and number', () => {
    for (const [id, slot, n] of [
      ['0-0', 0, 0],
      ['10000000-12', 10_000_000, 12],
      ['7-999999999', 7, 999_999_999],
    ] as const) {
      assert.deepEqual(parseOutboxId(id), { slot, n });
    }
  });
  for (const id of [
    '',
    '-',
    '1',
    '1-',
    '-1',
    '01-0',
    '1-00',
    '1-0-0',
    ' 1-0',
    '1-0\n',
    '1.5-0',
    '+1-0',
    '-1-0',
    '1e3-0',
    '999999999-0',
    'a-b',
  ]) {
    it(`are not ${JSON.stringify(id)}`, () => assert.throws(() => parseOutboxId(id), RangeError));
  }
  it('are ordered by slot, then by number, as numbers', () => {
    const ordered = ['0-0', '0-1', '0-2', '0-10', '1-0', '2-0', '9-9', '10-0', '10-1', '100-0'];
    for (const [index, a] of ordered.entries()) {
      for (const [other, b] of ordered.entries()) {
        assert.equal(Math.sign(compareOutboxIds(a, b)), Math.sign(index - other), `${a} ${b}`);
      }
    }
  });
  it('have one order, whichever way it is asked', () => {
    const id = fc.tuple(fc.nat(20_000_000), fc.nat(999)).map(([slot, n]) => `${slot}-${n}`);
    fc.assert(
      fc.property(id, id, (a, b) => {
        assert.equal(Math.sign(compareOutboxIds(a, b)), -Math.sign(compareOutboxIds(b, a)) || 0);
        assert.equal(compareOutboxIds(a, b) === 0, a === b);
      }),
    );
  });
});

const whole = winsRecord(winAt(1, { key: 'a' }), winAt(2));
const without = (record: object, field: string) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));

describe('reading a record', () => {
  it('gives back what was written', () => {
    const records = [
      whole,
      winsRecord(winAt(1)),
      eventRecord(1),
      eventRecord(3, { phase: 'closed', act: 'close', won: 2, n: 1 }),
    ];
    for (const record of records) assert.deepEqual(parseRecord(JSON.stringify(record)), record);
  });
  it('takes every act', () => {
    for (const act of ['create', 'change', 'pause', 'resume', 'close', 'recover'] as const) {
      assert.notEqual(parseRecord(JSON.stringify(eventRecord(1, { act }))), null, act);
    }
  });
  it('passes over fields that it does not know', () => {
    assert.notEqual(parseRecord(JSON.stringify({ ...whole, later: { more: true } })), null);
  });

  it('finds poison in every cut of a record', () => {
    for (const record of [whole, eventRecord(2)]) {
      const json = JSON.stringify(record);
      for (let end = 0; end < json.length; end += 1) assert.equal(parseRecord(json.slice(0, end)), null);
    }
  });

  const poison: [name: string, json: string][] = [
    ['nothing', ''],
    ['a NUL', '\0'],
    ['a NUL within', JSON.stringify(whole).replace('drop', 'dr\0op')],
    ['2 MB of nothing', ' '.repeat(2_000_000)],
    ['2 MB of brackets', '['.repeat(2_000_000)],
    ['2 MB of text', JSON.stringify('x'.repeat(2_000_000))],
    ['a list', JSON.stringify([whole])],
    ['null', 'null'],
    ['a number', '7'],
    ['a text', '"wins"'],
    ['an unknown version', JSON.stringify({ ...whole, v: 2 })],
    ['a version that is text', JSON.stringify({ ...whole, v: '1' })],
    ['an unknown type', JSON.stringify({ ...whole, type: 'losses' })],
    ['an unknown act', JSON.stringify({ ...eventRecord(1), act: 'cancel' })],
    ['an act that every object has', JSON.stringify({ ...eventRecord(1), act: 'toString' })],
    ['an unknown phase', JSON.stringify({ ...eventRecord(1), phase: 'open' })],
    ['no wins', JSON.stringify(winsRecord())],
    ['wins that are none', JSON.stringify({ ...whole, wins: { 0: winAt(1), length: 1 } })],
    ['a win that is null', JSON.stringify({ ...whole, wins: [winAt(1), null] })],
    ['two records in a row', JSON.stringify(whole) + JSON.stringify(whole)],
  ];
  for (const [name, json] of poison) it(`finds poison in ${name}`, () => assert.equal(parseRecord(json), null));

  it('finds poison where any field is missing or of another type', () => {
    const others = [null, true, 1.5, -1, 'x', [], {}, 2 ** 60];
    const isPoison = (record: unknown, what: string) => assert.equal(parseRecord(JSON.stringify(record)), null, what);
    // The last of each row: values of another type that would be good in that field.
    const fields: [record: object, make: (broken: object) => object, good: Record<string, unknown[]>][] = [
      [whole, (broken) => broken, { eventId: ['x'] }],
      [eventRecord(1), (broken) => broken, { eventId: ['x'] }],
      [
        winAt(1, { key: 'a' }),
        (broken) => winsRecord(broken as never),
        { userId: ['x'], claimId: ['x'], key: [null, 'x'] },
      ],
      [
        specOf(),
        (broken) => eventRecord(1, { spec: broken as never }),
        { id: ['x'], name: ['x'], opensAt: [null], closesAt: [null] },
      ],
    ];
    for (const [record, make, good] of fields) {
      for (const field of Object.keys(record)) {
        isPoison(make(without(record, field)), `without ${field}`);
        for (const other of others) {
          if (good[field]?.includes(other) === true) continue;
          isPoison(make({ ...record, [field]: other }), `${field}: ${JSON.stringify(other)}`);
        }
      }
    }
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => assert.equal(parseRecord(text), null)),
    );
  });
});
