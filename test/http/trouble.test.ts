/** Trouble is told once, to the log, and takes nothing else down. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import { calmLog } from '../../src/http/calm-log.ts';
import { systemClock } from '../../src/lib/system-clock.ts';
import { assertProblem, openRig } from './rig.ts';

describe('the log', () => {
  test('says the same thing once a second, and then how often it was not said', () => {
    const lines: [fields: object, message: string][] = [];
    const write = (fields: object, message: string) => lines.push([fields, message]);
    let now = 1000;
    const log = calmLog({ error: write, warn: write }, { ...systemClock, now: () => now });
    for (let i = 0; i < 1000; i += 1) log.error({ code: 'unavailable', i }, 'no');
    log.error({ code: 'unknown_outcome' }, 'no');
    log.warn({}, 'else');
    now = 1999;
    log.error({ code: 'unavailable' }, 'no');
    now = 2000;
    log.error({ code: 'unavailable' }, 'no');
    // A clock that was put back silences nothing.
    now = 500;
    log.error({ code: 'unavailable' }, 'no');
    assert.deepEqual(lines, [
      [{ code: 'unavailable', i: 0 }, 'no'],
      [{ code: 'unknown_outcome' }, 'no'],
      [{}, 'else'],
      [{ code: 'unavailable', suppressed: 1000 }, 'no'],
      [{ code: 'unavailable' }, 'no'],
    ]);
  });
});

describe('a store that only a person can mend', () => {
  test('is unavailable to all, and the admin, who is told what to do, is not asked to wait', async () => {
    const unfit = new DibsError('store_unfit', 'Restart this process.');
    const rig = await openRig({ override: { getEvent: () => Promise.reject(unfit) } });
    try {
      const [told, untold] = [
        await rig.call('GET', '/v1/events/drop', { as: 'admin' }),
        await rig.call('GET', '/v1/events/drop'),
      ];
      for (const answer of [told, untold]) assertProblem(answer, 503, 'unavailable');
      assert.deepEqual([told.json.detail, told.headers.has('retry-after')], ['Restart this process.', false]);
      assert.equal(untold.headers.has('retry-after'), true);
      assert.doesNotMatch(untold.text, /Restart/);
    } finally {
      await rig.close();
    }
  });
});

describe('a problem that cannot be written', () => {
  test('cuts its own connection, and no other', async () => {
    const details: Record<string, unknown> = {};
    details['self'] = details;
    const cyclic = new DibsError('event_not_found', 'no', { details });
    const rig = await openRig({
      override: { claim: () => Promise.reject(cyclic), getEvent: () => Promise.reject(cyclic) },
    });
    try {
      await assert.rejects(rig.call('GET', '/v1/events/launch'), TypeError);
      const sent = { as: 'service', body: { userId: 'u1' } };
      await assert.rejects(rig.call('POST', '/v1/events/launch/claims', sent), TypeError);
      assert.deepEqual(
        rig.logged.map(({ message }) => message),
        ['a problem could not be answered'],
      );
      assertProblem(await rig.call('GET', '/nothing'), 404, 'not_found');
    } finally {
      await rig.close();
    }
  });
});
