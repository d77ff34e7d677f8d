/** What a message is in Kafka, and what becomes of one that is no record. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import type { LogRecord } from '../../../src/core/record.ts';
import { countIn, type Found, layoutText, messageOf, recordIn } from '../../../src/logs/kafka/message.ts';
import { partitionIndexOf } from '../../../src/logs/kafka/place.ts';

const layout = { name: 'dibs', count: 4 };
const record: LogRecord = {
  v: 1,
  type: 'wins',
  eventId: 'drop',
  epoch: 1,
  revision: 3,
  wins: [{ slot: 1, userId: '홍길동', nth: 1, claimId: '1-0123456789ab', key: 'k\u0000', wonAt: 5 }],
};
const index = partitionIndexOf('drop', layout.count);
const found = (other: Partial<Found> = {}): Found => ({ offset: 7, ...messageOf(record), ...other });

function poison(other: Partial<Found>, at = index): { raw: string; error: string } {
  const got = recordIn(found(other), at, layout);
  return got.type === 'poison' ? got : assert.fail('this should be no record');
}

describe('a message', () => {
  it('has the event as its key and JSON as its value', () => {
    const { key, value } = messageOf(record);
    assert.equal(key.toString(), 'drop');
    assert.deepEqual(JSON.parse(value.toString()), record);
    assert.deepEqual(recordIn(found(), index, layout), record);
  });
  it('says in a header how many partitions its writer saw', () => {
    assert.equal(layoutText(3, 8), '3/8');
    assert.equal(countIn(layoutText(3, 8)), 8);
    for (const text of ['', '8', '3/', '3/0', '3/08', 'x/8', '3/8 ', '3/123456'])
      assert.equal(countIn(text), null, text);
  });
});

describe('a message that is no record', () => {
  it('is kept with its place and the reason', () => {
    const { raw, error } = poison({ value: Buffer.from('{"v":1,"ty') });
    assert.equal(raw, '{"v":1,"ty');
    assert.equal(error, `it is not JSON (offset 7 of dibs/${index}, key "drop")`);
  });
  it('may have no value, or be no text', () => {
    assert.deepEqual(poison({ value: null }).raw, '');
    assert.match(poison({ value: null }).error, /has no value/);
    assert.equal(poison({ value: Buffer.from([0xff]) }).raw, 'base64:/w==');
    assert.equal(poison({ value: Buffer.from('a\0') }).raw, 'base64:YQA=');
  });
  it('may be of a schema that is not known here', () => {
    const value = Buffer.from(JSON.stringify({ ...record, v: 2 }));
    assert.match(poison({ value }).error, /its schema version is 2, and 1 is known here/);
    assert.match(poison({ value: Buffer.from('{"v":1}') }).error, /not a whole record/);
    assert.match(poison({ value: Buffer.from('7') }).error, /not a whole record/);
  });
  it('may stand where its event does not belong', () => {
    assert.match(poison({ key: null }).error, /its key is not its event drop .*key none/);
    assert.match(poison({ key: Buffer.from('drop ') }).error, /its key is not its event drop/);
    assert.match(poison({ key: Buffer.from([0xff, 0]) }).error, /its key is not its event drop/);
    const other = (index + 1) % layout.count;
    assert.match(poison({}, other).error, new RegExp(`belongs to partition ${index} of 4 .*dibs/${other}`));
  });
  it('says no more of a long key than a person can read', () => {
    assert.ok(poison({ key: Buffer.alloc(5000, 'k') }).error.length < 300);
  });
});
