/** Who may call what: every route has one credential, and everything else is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import { createAuthenticator } from '../../src/http/credentials.ts';
import { credentials as kinds, type Operation } from '../../src/http/operation.ts';
import { operations } from '../../src/http/operations.ts';
import { systemClock } from '../../src/lib/system-clock.ts';
import { assertProblem, credentials, openRig, type Rig, type Sent, tokenOf } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await openRig();
  await rig.create({ id: 'launch', name: 'Launch', capacity: 10 });
});
after(() => rig.close());

const table: readonly (readonly [name: string, operation: Operation])[] = Object.entries(operations);
const pathOf = ({ path }: Operation) =>
  path
    .replace(':eventId', 'launch')
    .replace(':claimId', '1-000000000000')
    .replace(':id', '1')
    .replace(':code', 'closed');
const ask = (operation: Operation, sent: Sent) =>
  rig.call(operation.method, pathOf(operation), {
    ...sent,
    // A proxy in front, so that nobody is a neighbour.
    headers: { 'x-forwarded-for': '203.0.113.9', ...sent.headers },
  });

describe('the table of operations', () => {
  test('names every route that is served', () => {
    const served: string[] = [];
    const path: string[] = [];
    // The tree of routes, a level for every four characters of indent: "├── v1/events (GET, HEAD)".
    for (const line of rig.app.printRoutes({ commonPrefix: false }).split('\n')) {
      const match = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
      if (match === null) continue;
      const [, indent = '', part = '', methods = ''] = match;
      path.length = indent.length / 4;
      path.push(part);
      for (const method of methods.split(', ').filter((each) => each !== '' && each !== 'HEAD')) {
        served.push(`${method} ${path.join('')}`);
      }
    }
    const declared = table.map(([, { method, path: declaredPath }]) => `${method} ${declaredPath}`);
    assert.deepEqual(served.toSorted(), declared.toSorted());
  });

  test('is all that can be served: a route outside of it stops the start', async () => {
    const other = await openRig();
    try {
      assert.throws(() => other.app.get('/else', () => 'else'));
    } finally {
      await other.close();
    }
  });
});

for (const [name, operation] of table) {
  const allowed: readonly string[] = kinds[operation.credential];
  describe(name, () => {
    if (operation.credential === 'anyone') {
      test('is for anyone, whatever credential is sent along', async () => {
        for (const as of ['nobody', 'wrong', 'admin', 'a.b.c']) {
          const { status } = await ask(operation, { as });
          assert.ok(status !== 401 && status !== 403, `${status} as ${as}`);
        }
      });
      return;
    }

    const refused: [name: string, authorization: string | null][] = [
      ['nothing', null],
      ['an empty header', ''],
      ['Bearer alone', 'Bearer '],
      ['Basic', `Basic ${btoa(`admin:${credentials.adminKey}`)}`],
      ['a key without Bearer', credentials.adminKey],
      ['a key with one letter more', `Bearer ${credentials.adminKey}x`],
      ['a key with one letter less', `Bearer ${credentials.adminKey.slice(0, -1)}`],
      ['a key with another last letter', `Bearer ${credentials.adminKey.slice(0, -1)}x`],
      ['both keys', `Bearer ${credentials.adminKey} ${credentials.serviceKey}`],
      ['the secret of the tokens', `Bearer ${credentials.tokenSecret}`],
      ['an expired token', `Bearer ${tokenOf('u1', 'launch', Date.now() - 1000)}`],
      ['a token with another signature', `Bearer ${tokenOf('u1', 'launch').slice(0, -5)}AAAAA`],
      ['a token of a user with a space', `Bearer ${tokenOf('u 1', 'launch')}`],
      ['a token of no user', `Bearer ${tokenOf('', 'launch')}`],
    ];
    for (const [what, authorization] of refused) {
      test(`is refused to ${what}`, async () => {
        const got = await ask(operation, authorization === null ? {} : { headers: { authorization } });
        assertProblem(got, 401, 'unauthorized');
        assert.match(got.headers.get('www-authenticate') ?? '', /^Bearer realm="dibs"/);
      });
    }

    const others = { admin: 'admin', service: 'service', participant: tokenOf('u1', 'launch') };
    for (const [kind, as] of Object.entries(others)) {
      if (allowed.includes(kind)) continue;
      test(`is forbidden to a ${kind}`, async () => assertProblem(await ask(operation, { as }), 403, 'forbidden'));
    }
  });
}

describe('a credential', () => {
  test('is judged before the body is read', async () => {
    const sent = { as: 'wrong', body: '{"cut' };
    assertProblem(await rig.call('POST', '/v1/events', sent), 401, 'unauthorized');
    assertProblem(await rig.call('POST', '/v1/events/launch/claims', sent), 401, 'unauthorized');
    assertProblem(await rig.call('POST', '/v1/events/launch/claims', { ...sent, as: 'admin' }), 403, 'forbidden');
  });

  test('may be spelt bearer, with more than one space', async () => {
    const headers = { authorization: `bEARER   ${credentials.adminKey}` };
    assert.equal((await rig.call('GET', '/v1/events', { headers })).status, 200);
  });

  test('tells why it does not do, and nothing of what would', async () => {
    const details = new Set<string>();
    for (const as of ['nobody', 'wrong', tokenOf('u1', 'launch', 0), `${tokenOf('u', 'e').slice(0, -1)}_`]) {
      const got = await rig.call('GET', '/v1/events', { as });
      details.add(got.json.detail);
      assert.doesNotMatch(got.text, /tests-/);
    }
    assert.equal(details.size, 4);
  });

  test('of a participant is good until the second in which it ends, used before or not', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const authenticate = createAuthenticator(credentials, { ...systemClock, now: () => now });
    const token = `Bearer ${tokenOf('u1', 'launch', now + 2000)}`;
    const participant = { kind: 'participant', userId: 'u1', eventId: 'launch' };
    assert.deepEqual(authenticate(token), participant);
    now += 1999;
    assert.deepEqual(authenticate(token), participant);
    now += 1;
    assert.deepEqual(authenticate(token), { kind: 'nobody', why: 'expired' });
  });

  test('of a participant is good among more tokens than are remembered', () => {
    const authenticate = createAuthenticator(credentials, systemClock);
    for (let i = 0; i < 10_050; i += 1) {
      const caller = authenticate(`Bearer ${tokenOf(`u${i}`, 'launch')}`);
      assert.deepEqual(caller, { kind: 'participant', userId: `u${i}`, eventId: 'launch' });
    }
  });

  test('that is empty, or one for two ends, stops the start', () => {
    const refuses = (given: typeof credentials) =>
      assert.throws(
        () => createAuthenticator(given, systemClock),
        (error) => error instanceof DibsError && error.code === 'invalid_configuration',
      );
    refuses({ ...credentials, adminKey: '' });
    refuses({ ...credentials, serviceKey: '' });
    refuses({ ...credentials, tokenSecret: '' });
    refuses({ ...credentials, serviceKey: credentials.adminKey });
  });
});
