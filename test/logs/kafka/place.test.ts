/** Where an event belongs agrees with Kafka's own clients; positions know which topic they are of. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { murmur2 as libraryMurmur2 } from '@platformatic/kafka';
import fc from 'fast-check';
import {
  distanceBetween,
  murmur2,
  partitionIndexOf,
  placeOf,
  positionOf,
  startPosition,
} from '../../../src/logs/kafka/place.ts';

describe('the partition of an event', () => {
  it('is the one that the hash of Kafka gives', () => {
    // The values of Kafka's own test, org.apache.kafka.common.utils.UtilsTest.
    const known: Record<string, number> = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      'a-little-bit-longer-string': -1486304829,
      lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
      abc: 479470107,
    };
    for (const [text, hash] of Object.entries(known)) assert.equal(murmur2(Buffer.from(text)), hash, text);
  });
  it('is so for whatever bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        assert.equal(murmur2(bytes), libraryMurmur2(Buffer.from(bytes)));
      }),
    );
  });
  it('is one of those there are, also where the hash is below 0', () => {
    for (let index = 0; index < 1000; index += 1) {
      const partition = partitionIndexOf(`event-${index}`, 7);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < 7);
    }
    assert.equal(partitionIndexOf('21', 100), (-973932308 & 0x7fffffff) % 100);
  });
});

describe('positions', () => {
  const [here, gone] = ['d1077660-e511-41fc-83aa-724b4da66bbd', '385371c9-7ca5-4569-8554-07ab2bfc6e81'];
  const at = (offset: number) => positionOf(here, offset);

  it('are what they were', () => {
    assert.deepEqual(placeOf(at(17)), { topicId: here, offset: 17 });
    assert.deepEqual(placeOf(startPosition), { topicId: null, offset: 0 });
  });
  it('of something else are refused', () => {
    for (const text of ['', '17', '17-0', `${here}:`, `${here}:-1`, `${here}:01`, `${here}:1 `, `x:1`, `${here}:1e3`])
      assert.throws(() => placeOf(text), RangeError, text);
  });
  it('lie as far apart as there are records between them', () => {
    assert.equal(distanceBetween(at(3), at(10), here), 7);
    assert.equal(distanceBetween(at(10), at(3), here), -7);
    assert.equal(distanceBetween(startPosition, at(10), here), 10);
    assert.equal(distanceBetween(at(10), startPosition, here), -10);
    assert.equal(distanceBetween(startPosition, startPosition, here), 0);
  });
  it('of a topic that is gone stand before all of the one that is there', () => {
    assert.equal(distanceBetween(positionOf(gone, 500), at(3), here), 3);
    assert.equal(distanceBetween(at(3), positionOf(gone, 500), here), -3);
    assert.equal(distanceBetween(positionOf(gone, 500), at(0), here), 0);
    assert.equal(distanceBetween(startPosition, positionOf(gone, 500), here), 0);
  });
});
