/** Addresses of Redis are taken apart as people write them, and what is wrong with one is said without its password. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../../src/core/errors.ts';
import { parseRedisAddress } from '../../../src/gates/redis/address.ts';
import { hashSlotOf } from '../../../src/gates/redis/hash-slot.ts';
import { describeService, freshName, sharedService } from '../../services/shared.ts';
import { connectTo } from './bench.ts';

const plain = { cluster: false, tls: false, username: undefined, password: undefined, database: 0 };

describe('an address of Redis', () => {
  const good: [url: string, expected: object][] = [
    ['redis://localhost', { ...plain, hosts: [{ host: 'localhost', port: 6379 }], shown: 'redis://localhost' }],
    ['redis://10.0.0.1:7000/', { ...plain, hosts: [{ host: '10.0.0.1', port: 7000 }], shown: 'redis://10.0.0.1:7000' }],
    ['redis://h/3', { ...plain, database: 3, hosts: [{ host: 'h', port: 6379 }], shown: 'redis://h/3' }],
    ['rediss://h:1', { ...plain, tls: true, hosts: [{ host: 'h', port: 1 }], shown: 'rediss://h:1' }],
    ['redis://[::1]:7000', { ...plain, hosts: [{ host: '::1', port: 7000 }], shown: 'redis://[::1]:7000' }],
    [
      'redis://u%40x:p%3A%2F%40@h:1',
      { ...plain, username: 'u@x', password: 'p:/@', hosts: [{ host: 'h', port: 1 }], shown: 'redis://h:1' },
    ],
    ['redis://:p@h:1', { ...plain, password: 'p', hosts: [{ host: 'h', port: 1 }], shown: 'redis://h:1' }],
    ['redis://u@h:1', { ...plain, username: 'u', hosts: [{ host: 'h', port: 1 }], shown: 'redis://h:1' }],
    [
      'rediss+cluster://u:p@a:1,b:2,c',
      {
        ...plain,
        cluster: true,
        tls: true,
        username: 'u',
        password: 'p',
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
          { host: 'c', port: 6379 },
        ],
        shown: 'rediss+cluster://a:1,b:2,c',
      },
    ],
  ];
  for (const [url, expected] of good) it(`${url} is read`, () => assert.deepEqual(parseRedisAddress(url), expected));

  const bad: [url: string, words: RegExp][] = [
    ['', /cannot be read/],
    ['http://h:1', /cannot be read/],
    ['redis://', /cannot be read/],
    ['redis://u:secret@', /cannot be read/],
    ['redis://u:secret@h:1?x=1', /cannot be read/],
    ['redis://u:secret@h:1/name', /cannot be read/],
    ['redis://u:secret@h:99999', /names a server that cannot be read/],
    ['redis://u:secret@h:1,i:2', /several servers/],
    ['redis+cluster://u:secret@h:1/2', /names a database/],
    ['redis://u:secret%zz@h:1', /percent-encoded/],
  ];
  for (const [url, words] of bad) {
    it(`${url || 'of nothing'} is refused`, () => {
      assert.throws(
        () => parseRedisAddress(url),
        (error) => {
          assert.ok(error instanceof DibsError);
          assert.equal(error.code, 'invalid_configuration');
          assert.match(error.message, words);
          assert.ok(!error.message.includes('secret'));
          return true;
        },
      );
    });
  }
});

describeService('redis-cluster', 'the hash slot of a key', () => {
  it('is the one that Redis counts', async (t) => {
    const past = await connectTo(await sharedService('redis-cluster'));
    t.after(() => past.close());
    const keys = ['a', 'dibs:events', 'dibs:{drop}:users', 'dibs:{}:users', 'x{y', '{a}{b}', 'a{b}c{d}e', freshName()];
    for (const key of keys) assert.equal(hashSlotOf(key), await past.send(key, 'CLUSTER', 'KEYSLOT', key), key);
  });
});
