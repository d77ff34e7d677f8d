/** What has been issued, as lists and as a file; and what could not be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import type { CouponView, FailedIssuanceView, Page } from '../../src/engine/views.ts';
import { csvLine } from '../../src/http/csv.ts';
import { assertProblem, credentials, faultPaths, open, openRig, type Rig } from './rig.ts';

let rig: Rig;
const formulas = ['=1+1', '+82-10', '-1', '@SUM(A1)', "'=1", 'a,b', 'a"b', 'a;=1'];
const users = [...formulas, ...Array.from({ length: 2200 }, (_, i) => `user-${i}`)];

before(async () => {
  rig = await openRig();
  await rig.create({ id: 'big', name: 'Big', capacity: users.length });
  await rig.create({ id: 'none', name: 'None', capacity: 1 });
  await Promise.all(users.map((userId) => rig.dibs.claim({ eventId: 'big', userId })));
  while ((await rig.dibs.audit('big')).unissued > 0);
});
after(() => rig.close());

const csv = (path: string, accept = 'text/csv') => rig.call('GET', path, { as: 'admin', headers: { accept } });

describe('the coupons as a file', () => {
  test('that cannot be read are a problem, not the beginning of a file', async () => {
    assertProblem(await csv('/v1/events/nothing/coupons'), 404, 'event_not_found');
    for (const query of ['limit=5', 'cursor=5']) {
      const got = await csv(`/v1/events/big/coupons?${query}`);
      assertProblem(got, 422, 'invalid_request');
      assert.deepEqual(faultPaths(got), [`/${query.slice(0, -2)}`]);
    }
  });

  test('whose pages fail in the middle are cut, so that no half passes for the whole', async () => {
    const listCoupons: Rig['dibs']['listCoupons'] = async (eventId, query = {}) => {
      if (query.cursor !== undefined) throw new DibsError('unavailable');
      return await rig.dibs.listCoupons(eventId, query);
    };
    const broken = await openRig({ override: { listCoupons } });
    try {
      const sent = { as: 'admin', headers: { accept: 'text/csv' } };
      await assert.rejects(broken.call('GET', '/v1/events/big/coupons', sent), TypeError);
      assert.equal(broken.logged.length, 1);
    } finally {
      await broken.close();
    }
  });

  test('of which a reader has seen enough are read no further', async () => {
    const second = Promise.withResolvers<Page<CouponView>>();
    const asked = Promise.withResolvers<void>();
    const listCoupons: Rig['dibs']['listCoupons'] = (eventId, query = {}) => {
      if (query.cursor === undefined) return rig.dibs.listCoupons(eventId, query);
      asked.resolve();
      return second.promise;
    };
    const other = await openRig({ override: { listCoupons } });
    try {
      const socket = await open(other.port);
      socket.write(
        `GET /v1/events/big/coupons HTTP/1.1\r\nHost: x\r\nAccept: text/csv\r\nAuthorization: Bearer ${credentials.adminKey}\r\n\r\n`,
      );
      await asked.promise;
      socket.resetAndDestroy();
      await once(socket, 'close');
      second.resolve({ items: [], nextCursor: null });
    } finally {
      await other.close();
    }
    assert.deepEqual(other.logged, []);
  });

  test('hold all of them in order of slot, whatever the length of a page', async () => {
    const got = await csv('/v1/events/big/coupons');
    assert.equal(got.status, 200);
    assert.match(got.headers.get('content-type') ?? '', /^text\/csv; charset=utf-8/);
    assert.equal(got.headers.get('content-disposition'), 'attachment; filename="coupons-big.csv"');
    const lines = got.text.split('\r\n');
    assert.equal(lines[0], 'slot,userId,nth,claimId,code,wonAt,issuedAt');
    assert.equal(lines.at(-1), '');
    assert.equal(lines.length, users.length + 2);
    lines.slice(1, -1).forEach((line, i) => assert.ok(line.startsWith(`${i + 1},`), line));
  });

  test('hold nothing that a spreadsheet would run', async () => {
    const got = await csv('/v1/events/big/coupons');
    const cells = got.text
      .split('\r\n')
      .slice(1, 1 + formulas.length)
      .map((line) => /^\d+,(.*),1,\d+-/.exec(line)?.[1]);
    assert.deepEqual(cells, ["'=1+1", "'+82-10", "'-1", "'@SUM(A1)", "''=1", '"a,b"', '"a""b"', '"a;=1"']);
  });

  test('of an event without any are a header alone', async () => {
    assert.equal((await csv('/v1/events/none/coupons')).text, 'slot,userId,nth,claimId,code,wonAt,issuedAt\r\n');
  });

  test('come as JSON unless CSV is liked better', async () => {
    const types: [accept: string, type: string][] = [
      ['*/*', 'application/json'],
      ['text/html', 'application/json'],
      ['application/json, text/csv', 'application/json'],
      ['text/csv;q=0.5, application/json;q=0.1', 'text/csv'],
      ['text/*', 'text/csv'],
      ['TEXT/CSV', 'text/csv'],
      ['text/csv;q=0', 'application/json'],
      ['text/csv;q=x', 'application/json'],
      ['*/*;q=0.1, text/csv', 'text/csv'],
    ];
    for (const [accept, type] of types) {
      const got = await csv('/v1/events/none/coupons', accept);
      assert.equal((got.headers.get('content-type') ?? '').split(';')[0], type, accept);
      assert.equal(got.headers.get('vary'), 'Accept');
    }
  });

  test('are announced by HEAD without being read', async () => {
    const got = await rig.call('HEAD', '/v1/events/big/coupons', { as: 'admin', headers: { accept: 'text/csv' } });
    assert.deepEqual([got.status, got.text], [200, '']);
  });

  test('give back what went in, read by the rules of RFC 4180 and one apostrophe', () => {
    const cell = fc.oneof(
      fc.stringMatching(/^[\x20-\x7e]{0,20}$/),
      fc.constantFrom(...formulas, '', "''", 'a\r\nb', '\t=1'),
    );
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 5 }), (cells) => {
        const read = readCsvLine(csvLine(cells));
        assert.deepEqual(
          read.map((text) => text.replace(/^'/, '')),
          cells,
        );
        for (const text of read) assert.doesNotMatch(text, /^[=+\-@\t\r]/);
      }),
    );
  });
});

/** A reader of one line, written from the RFC and not from the writer. */
function readCsvLine(line: string): string[] {
  assert.ok(line.endsWith('\r\n'));
  const cells = [''];
  let quoted = false;
  const letters = line.slice(0, -2);
  for (let i = 0; i < letters.length; i += 1) {
    const letter = letters.charAt(i);
    if (letter === '"' && quoted && letters[i + 1] === '"') i += 1;
    else if (letter === '"') {
      quoted = !quoted;
      continue;
    } else if (letter === ',' && !quoted) {
      cells.push('');
      continue;
    }
    cells[cells.length - 1] += letter;
  }
  assert.equal(quoted, false);
  return cells;
}

describe('the coupons as a list', () => {
  test('are walked by their pages, each once', async () => {
    const slots: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const got = await rig.call('GET', `/v1/events/big/coupons?limit=1000${more}`, { as: 'admin' });
      slots.push(...got.json.items.map((coupon) => coupon['slot']));
      cursor = got.json.nextCursor;
    }
    assert.deepEqual(
      slots,
      Array.from(users, (_, i) => i + 1),
    );
  });
});

describe('failed issuances', () => {
  const failure: FailedIssuanceView = {
    id: 7,
    eventId: 'big',
    slot: 3,
    userId: null,
    record: '{"cut',
    error: 'not a record',
    attempts: 2,
    nextAttemptAt: new Date('2030-01-01T00:00:00Z'),
    state: 'waiting',
    reason: null,
  };
  const asked: unknown[] = [];
  let other: Rig;
  before(async () => {
    other = await openRig({
      override: {
        listFailedIssuances: (query): Promise<Page<FailedIssuanceView>> => {
          asked.push(query);
          return Promise.resolve({ items: [failure], nextCursor: '7' });
        },
        reissue: (id) =>
          id === 8
            ? Promise.reject(new DibsError('reissue_refused', 'slot 3 belongs to another win'))
            : Promise.resolve({ ...failure, state: 'reissued', nextAttemptAt: null }),
        discard: (id, reason) =>
          id === 8
            ? Promise.reject(new DibsError('not_failed'))
            : Promise.resolve({ ...failure, state: 'discarded', nextAttemptAt: null, reason }),
      },
    });
  });
  after(() => other.close());

  test('that cannot be reissued or given up say why', async () => {
    const refused = await other.call('POST', '/v1/failed-issuances/8/reissue', { as: 'admin' });
    assertProblem(refused, 409, 'reissue_refused');
    assert.match(refused.json.detail, /another win/);
    const body = { reason: 'a duplicate' };
    assertProblem(await other.call('POST', '/v1/failed-issuances/8/discard', { as: 'admin', body }), 409, 'not_failed');
  });

  test('are listed by state, a page at a time', async () => {
    const got = await other.call('GET', '/v1/failed-issuances?state=waiting&limit=5&cursor=3', { as: 'admin' });
    assert.deepEqual(asked, [{ state: 'waiting', limit: 5, cursor: '3' }]);
    assert.deepEqual(got.json, JSON.parse(JSON.stringify({ items: [failure], nextCursor: '7' })));
    const none = await rig.call('GET', '/v1/failed-issuances', { as: 'admin' });
    assert.deepEqual(none.json, { items: [], nextCursor: null });
  });

  test('are reissued, or given up for a reason', async () => {
    const reissued = await other.call('POST', '/v1/failed-issuances/7/reissue', { as: 'admin' });
    assert.deepEqual([reissued.status, reissued.json['state']], [200, 'reissued']);
    const body = { reason: '중복 신청' };
    const discarded = await other.call('POST', '/v1/failed-issuances/7/discard', { as: 'admin', body });
    assert.deepEqual(
      [discarded.status, discarded.json['state'], discarded.json['reason']],
      [200, 'discarded', '중복 신청'],
    );
  });
});
