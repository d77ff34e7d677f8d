/** The one call that a crowd makes, and looking up what came of it. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { DibsError, type TroubleCode, troubles } from '../../src/core/errors.ts';
import type { ClaimDecision, ClaimView } from '../../src/engine/views.ts';
import { claimAnswer, claimJson } from '../../src/http/claim-answer.ts';
import { type ProblemCode, problemCodeOf, statusOf } from '../../src/http/problem.ts';
import { assertProblem, type Got, openRig, type Rig, type Sent, tokenOf } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await openRig();
});
after(() => rig.close());

const claim = (eventId: string, userId: string, key?: string, sent: Sent = {}): Promise<Got> =>
  rig.call('POST', `/v1/events/${eventId}/claims`, {
    as: 'service',
    body: { userId },
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    ...sent,
  });

describe('trouble of the engine', () => {
  const thrown: [name: string, error: unknown, code: ProblemCode][] = [
    ...(['unavailable', 'overloaded', 'recovering', 'unknown_outcome'] as const).map(
      (code): [string, unknown, ProblemCode] => [code, new DibsError(code), code],
    ),
    ['an unfit store', new DibsError('store_unfit', 'synchronous is NORMAL in /var/gate.db'), 'unavailable'],
    ['a broken invariant', new DibsError('invariant_broken', 'slot 3 of launch'), 'unknown_outcome'],
    ['an internal error', new DibsError('internal', 'at line 3'), 'unknown_outcome'],
    ['an exception that nobody foresaw', new TypeError('secret-path is not a function'), 'unknown_outcome'],
    ['something that is no error', 'secret-path', 'unknown_outcome'],
  ];
  for (const [name, error, code] of thrown) {
    for (const how of ['rejects', 'throws at once']) {
      test(`${name}, which ${how}, promises nothing and tells no secret`, async () => {
        const broken = await openRig({
          override: {
            // The engine is typed to reject; one that throws must not take the process down either.
            claim:
              how === 'rejects'
                ? async () => {
                    throw error;
                  }
                : () => {
                    throw error;
                  },
          },
        });
        try {
          const sent = { as: 'service', body: { userId: 'u1' } };
          const got = await broken.call('POST', '/v1/events/launch/claims', sent);
          assertProblem(got, 503, code);
          assert.match(got.headers.get('retry-after') ?? '', /^[1-9]\d?$/);
          assert.equal(got.json.detail, troubles[code].remedy);
          assert.doesNotMatch(got.text, /gate\.db|line 3|secret-path|slot 3/);
          // Load that is shed is no line in a log: there would be as many as there are claims.
          assert.equal(broken.logged.length, code === 'overloaded' || code === 'recovering' ? 0 : 1);
        } finally {
          await broken.close();
        }
      });
    }
  }

  test('has a status for each code that there is', () => {
    for (const code of Object.keys(troubles) as TroubleCode[]) {
      const status = statusOf[problemCodeOf(code)];
      assert.ok(status >= 400 && status <= 599, code);
      // A refusal of the client's may not be retried blindly, and trouble of ours must be retryable.
      if (status === 503) assert.ok(troubles[problemCodeOf(code)].retryable, code);
    }
  });
});

describe('a claim', () => {
  test('that wins is told so once, and then the same again', async () => {
    await rig.create({ id: 'one', name: 'One', capacity: 1 });
    const won = await claim('one', 'u1');
    assert.equal(won.status, 201);
    assert.equal(won.headers.get('cache-control'), 'no-store');
    assert.equal(won.headers.get('content-type'), 'application/json');
    assert.deepEqual(Object.keys(won.json), ['replayed', 'claim']);
    const { id, wonAt } = won.json.claim;
    assert.equal(won.headers.get('location'), `/v1/events/one/claims/${String(id)}`);
    assert.match(String(wonAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(won.json, {
      replayed: false,
      claim: { id, eventId: 'one', userId: 'u1', slot: 1, nth: 1, status: 'won', wonAt, code: null, issuedAt: null },
    });
    const again = await claim('one', 'u1', 'any-key');
    assert.equal(again.status, 200);
    assert.equal(again.json['replayed'], true);
    assert.equal(again.json.claim['id'], id);
    assertProblem(await claim('one', 'u2'), 409, 'sold_out');
  });

  test('is refused by the state of its event, and by what its user has, in order of precedence', async () => {
    const opensAt = '2099-01-01T09:00:00+09:00';
    await rig.create({ id: 'states', name: 'States', capacity: 3, limitPerUser: 2, opensAt });
    const early = await claim('states', 'u1', 'k1');
    assertProblem(early, 409, 'not_open');
    assert.equal(early.json['opensAt'], '2099-01-01T00:00:00.000Z');

    await rig.dibs.changeEvent('states', { opensAt: null });
    assert.equal((await claim('states', 'u1', 'k1')).status, 201);
    assert.equal((await claim('states', 'u1', 'k2')).status, 201);
    const full = await claim('states', 'u1', 'k3');
    assertProblem(full, 409, 'limit_reached');
    assert.deepEqual(
      full.json.claims.map((each) => [each['slot'], each['nth'], each['userId']]),
      [
        [1, 1, 'u1'],
        [2, 2, 'u1'],
      ],
    );

    await rig.dibs.pauseEvent('states');
    assertProblem(await claim('states', 'u1', 'k3'), 409, 'paused');
    await rig.dibs.closeEvent('states');
    assertProblem(await claim('states', 'u1', 'k3'), 409, 'closed');
    const replayed = await claim('states', 'u1', 'k2');
    assert.deepEqual([replayed.status, replayed.json.claim['slot']], [200, 2]);
  });

  test('is the claim of the user whom the token names, with no body, an empty one, or his own name', async () => {
    await rig.create({ id: 'tokens', name: 'Tokens', capacity: 9 });
    const path = '/v1/events/tokens/claims';
    const bodies: [userId: string, sent: Sent][] = [
      ['t1', {}],
      ['t2', { body: '' }],
      ['t3', { body: {} }],
      ['t4', { body: { userId: 't4' } }],
    ];
    for (const [userId, sent] of bodies) {
      const got = await rig.call('POST', path, { as: tokenOf(userId, 'tokens'), ...sent });
      assert.deepEqual([got.status, got.json.claim['userId']], [201, userId]);
    }
  });

  test('keeps users apart byte for byte, whatever their names mean elsewhere', async () => {
    const names = [
      'constructor',
      '__proto__',
      'toString',
      'alice',
      'ALICE',
      'auth0|1',
      "'--",
      '../..',
      '%2e',
      '"',
      '\\',
    ];
    await rig.create({ id: 'names', name: 'Names', capacity: names.length });
    for (const [i, userId] of names.entries()) {
      const got = await claim('names', userId);
      assert.deepEqual([got.status, got.json.claim['userId'], got.json.claim['slot']], [201, userId, i + 1]);
      const list = await rig.call('GET', `/v1/events/names/claims?userId=${encodeURIComponent(userId)}`, {
        as: 'service',
      });
      assert.deepEqual([list.json.items.length, list.json.items[0]?.['slot']], [1, i + 1]);
    }
    assertProblem(await claim('names', 'u'), 409, 'sold_out');
  });
});

describe('a claim that has won', () => {
  let id: string;
  const own = tokenOf('u1', 'seen');
  const other = tokenOf('u2', 'seen');
  before(async () => {
    await rig.create({ id: 'seen', name: 'Seen', capacity: 5 });
    id = String((await claim('seen', 'u1')).json.claim['id']);
  });

  test('is seen by the service and by its user, and by nobody else', async () => {
    for (const as of ['service', own]) {
      const got = await rig.call('GET', `/v1/events/seen/claims/${id}`, { as });
      assert.deepEqual([got.status, got.json['id'], got.json['slot']], [200, id, 1]);
      assert.equal(got.headers.get('cache-control'), 'no-store');
    }
    assertProblem(await rig.call('GET', `/v1/events/seen/claims/${id}`, { as: other }), 404, 'claim_not_found');
    assertProblem(
      await rig.call('GET', `/v1/events/seen/claims/${id}`, { as: tokenOf('u1', 'one') }),
      403,
      'forbidden',
    );
  });

  test('is listed for its user, who need not say who he is', async () => {
    for (const path of ['/v1/events/seen/claims', '/v1/events/seen/claims?userId=u1']) {
      const got = await rig.call('GET', path, { as: own });
      assert.deepEqual([got.status, got.json.items.length, got.json.nextCursor], [200, 1, null]);
    }
    const none = await rig.call('GET', '/v1/events/seen/claims', { as: other });
    assert.deepEqual([none.status, none.json.items], [200, []]);
    assertProblem(await rig.call('GET', '/v1/events/seen/claims?userId=u1', { as: other }), 404, 'claim_not_found');
  });
});

describe('the answer made by hand', () => {
  const time = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  const userId = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
  const view: fc.Arbitrary<ClaimView> = fc.record({
    id: fc.stringMatching(/^[1-9][0-9]{0,7}-[0-9a-f]{12}$/),
    eventId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
    userId,
    slot: fc.integer({ min: 1, max: 10_000_000 }),
    nth: fc.integer({ min: 1, max: 100 }),
    status: fc.constantFrom('won', 'issued', 'discarded'),
    wonAt: time,
    code: fc.option(fc.stringMatching(/^[A-Z2-7]{16}$/)),
    issuedAt: fc.option(time),
  });

  test('is what JSON.stringify would have made', () => {
    fc.assert(fc.property(view, (claim) => claimJson(claim) === JSON.stringify(claim)));
    fc.assert(
      fc.property(view, fc.boolean(), (claim, replayed) => {
        const { status, body, headers } = claimAnswer({ outcome: 'won', replayed, claim });
        assert.equal(body, JSON.stringify({ replayed, claim }));
        assert.equal(status, replayed ? 200 : 201);
        assert.equal(headers[headers.indexOf('Content-Length') + 1], String(Buffer.byteLength(body)));
      }),
    );
  });

  test('of a refusal is a problem document with what belongs to its reason', () => {
    const reason = fc.constantFrom('closed', 'not_open', 'paused', 'limit_reached', 'sold_out');
    fc.assert(
      fc.property(reason, fc.option(time), fc.array(view, { maxLength: 3 }), (reason, opensAt, claims) => {
        const decision: ClaimDecision = { outcome: 'rejected', reason, opensAt, claims };
        const { status, body } = claimAnswer(decision);
        const document = JSON.parse(body) as Record<string, unknown>;
        assert.deepEqual([status, document['status'], document['code']], [409, 409, reason]);
        const more = {
          ...(reason === 'not_open' ? { opensAt } : {}),
          ...(reason === 'limit_reached' ? { claims } : {}),
        };
        const { type: _t, title: _i, status: _s, detail: _d, code: _c, ...rest } = document;
        assert.deepEqual(rest, JSON.parse(JSON.stringify(more)));
      }),
    );
  });
});
