/** The organiser's calls, and what everyone may see of an event. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import { assertProblem, type Got, openRig, type Rig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await openRig();
});
after(() => rig.close());

const create = (body: unknown) => rig.call('POST', '/v1/events', { as: 'admin', body });
const act = (path: string, headers = {}) => rig.call('POST', `/v1/events/${path}`, { as: 'admin', headers });
const change = (id: string, body: unknown, headers = {}) =>
  rig.call('PATCH', `/v1/events/${id}`, { as: 'admin', body, headers });
const etag = (got: Got) => got.headers.get('etag');

describe('an act that fails on this side', () => {
  test('tells the admin why, and everyone else only what to do', async () => {
    const down = () => Promise.reject(new DibsError('unavailable', 'connect ECONNREFUSED 10.0.0.3:3306'));
    const broken = await openRig({ override: { getEvent: down, listEvents: down } });
    try {
      const seen = await broken.call('GET', '/v1/events/launch');
      assertProblem(seen, 503, 'unavailable');
      assert.doesNotMatch(seen.text, /10\.0\.0\.3/);
      const service = await broken.call('GET', '/v1/events', { as: 'service' });
      assert.doesNotMatch(service.text, /10\.0\.0\.3/);
      const admin = await broken.call('GET', '/v1/events', { as: 'admin' });
      assertProblem(admin, 503, 'unavailable');
      assert.match(admin.json.detail, /10\.0\.0\.3/);
    } finally {
      await broken.close();
    }
  });

  test('in a way that nobody foresaw is 500, with the cause in the log alone', async () => {
    const cause = new TypeError('secret-path is not a function');
    const broken = await openRig({ override: { audit: () => Promise.reject(cause) } });
    try {
      await broken.create({ id: 'launch', name: 'Launch', capacity: 1 });
      const got = await broken.call('GET', '/v1/events/launch/audit', { as: 'admin' });
      assertProblem(got, 500, 'internal');
      assert.doesNotMatch(got.text, /secret-path/);
      assert.deepEqual(broken.logged, [{ message: 'an unforeseen exception', fields: { err: cause } }]);
    } finally {
      await broken.close();
    }
  });
});

describe('an event', () => {
  test('is created once, and the same again is the one that stands', async () => {
    const body = { id: 'made', name: '한정 🎟', capacity: 3, closesAt: '2099-06-01T12:00:00.5+09:00' };
    const made = await create(body);
    assert.deepEqual([made.status, made.headers.get('location'), etag(made)], [201, '/v1/events/made', '"1"']);
    const { serverTime, ...event } = made.json;
    assert.match(String(serverTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(event, {
      id: 'made',
      name: '한정 🎟',
      state: 'open',
      capacity: 3,
      won: 0,
      remaining: 3,
      limitPerUser: 1,
      opensAt: null,
      closesAt: '2099-06-01T03:00:00.500Z',
      revision: 1,
    });
    const again = await create({ ...body, closesAt: '2099-06-01T03:00:00.500Z' });
    assert.deepEqual([again.status, etag(again), again.headers.get('location')], [200, '"1"', null]);
    assertProblem(await create({ ...body, capacity: 4 }), 409, 'event_exists');
  });

  test('without an id is given one', async () => {
    const made = await create({ name: 'Nameless', capacity: 1 });
    assert.equal(made.status, 201);
    const seen = await rig.call('GET', made.headers.get('location') ?? '');
    assert.equal(seen.json['name'], 'Nameless');
  });

  test('is seen by anyone, never from a cache', async () => {
    const got = await rig.call('GET', '/v1/events/made');
    assert.deepEqual([got.status, got.headers.get('cache-control'), etag(got)], [200, 'no-store', '"1"']);
    const head = await rig.call('HEAD', '/v1/events/made');
    assert.deepEqual([head.status, head.text, etag(head)], [200, '', '"1"']);
    assert.ok(Number(head.headers.get('content-length')) > 100);
  });

  test('is changed, paused, resumed and closed, a revision each, and a repeat changes nothing', async () => {
    await create({ id: 'acts', name: 'Acts', capacity: 3 });
    const changed = await change('acts', { name: 'More', capacity: 5 }, { 'if-match': '"1"' });
    assert.deepEqual([changed.status, etag(changed), changed.json['capacity']], [200, '"2"', 5]);
    assert.equal(etag(await change('acts', { capacity: 5 })), '"2"');
    assertProblem(await change('acts', { capacity: 6 }, { 'if-match': '"1"' }), 412, 'revision_mismatch');
    assertProblem(await act('acts/pause', { 'if-match': '"1"' }), 412, 'revision_mismatch');
    const paused = await act('acts/pause', { 'if-match': '"2"' });
    assert.deepEqual([etag(paused), paused.json['state']], ['"3"', 'paused']);
    assert.equal(etag(await act('acts/pause')), '"3"');
    const resumed = await act('acts/resume', { 'if-match': '*' });
    assert.deepEqual([etag(resumed), resumed.json['state']], ['"4"', 'open']);
    const closed = await act('acts/close');
    assert.deepEqual([etag(closed), closed.json['state']], ['"5"', 'closed']);
    for (const got of [await act('acts/close'), await act('acts/resume'), await change('acts', { name: 'X' })]) {
      assertProblem(got, 409, 'closed');
    }
  });

  test('takes an empty object where an act needs no body', async () => {
    await create({ id: 'bodies', name: 'Bodies', capacity: 1 });
    assert.equal((await rig.call('POST', '/v1/events/bodies/pause', { as: 'admin', body: {} })).status, 200);
    assert.equal((await rig.call('POST', '/v1/events/bodies/resume', { as: 'admin', body: '' })).status, 200);
  });

  test('keeps its capacity above what is won, and its opening once it has opened', async () => {
    await create({ id: 'kept', name: 'Kept', capacity: 3 });
    for (const userId of ['a', 'b']) await rig.dibs.claim({ eventId: 'kept', userId });
    const got = await change('kept', { capacity: 1 });
    assertProblem(got, 409, 'capacity_below_won');
    assert.equal(got.json['won'], 2);
    assertProblem(await change('kept', { opensAt: '2099-01-01T00:00:00Z' }), 409, 'already_open');
  });

  test('is found by walking the pages of the list, each once and in order', async () => {
    const own = await openRig();
    try {
      const ids = ['a', 'B', 'c.1', 'c-1', 'd_2', '10', '9'];
      for (const id of ids) await own.create({ id, name: id, capacity: 1 });
      const found: unknown[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const got: Got = await own.call('GET', `/v1/events?limit=3${more}`, { as: 'service' });
        assert.ok(got.json.items.length <= 3);
        found.push(...got.json.items.map((event) => event['id']));
        cursor = got.json.nextCursor;
      }
      assert.deepEqual(found, ids.toSorted());
    } finally {
      await own.close();
    }
  });

  test('is audited, and needs no recovery while it is served', async () => {
    await create({ id: 'sound', name: 'Sound', capacity: 3 });
    const audit = await rig.call('GET', '/v1/events/sound/audit', { as: 'admin' });
    assert.deepEqual([audit.status, audit.json['ok'], audit.json['findings']], [200, true, []]);
    const plan = await rig.call('GET', '/v1/events/sound/recovery', { as: 'admin' });
    assert.deepEqual([plan.status, plan.json['eventId'], plan.json['needed']], [200, 'sound', false]);
    assertProblem(await act('sound/recover'), 409, 'not_recovering');
  });
});
