import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rejectionReasons } from '../../src/core/decision.ts';
import { DibsError, refuseFaults, type TroubleCode, troubles } from '../../src/core/errors.ts';

describe('troubles', () => {
  for (const [code, { title, remedy, retryable }] of Object.entries(troubles)) {
    it(`${code} has a title, and a remedy that is a sentence`, () => {
      assert.match(code, /^[a-z]+(_[a-z]+)*$/);
      assert.match(title, /^[A-Z].*[^.\s]$/);
      assert.match(remedy, /^[A-Z].*[^.\s]\.$/);
      assert.equal(typeof retryable, 'boolean');
    });
  }
  it('have titles of their own', () => {
    const titles = Object.values(troubles).map((one) => one.title);
    assert.equal(new Set(titles).size, titles.length);
  });
  it('have a code for every rejection reason', () => {
    for (const reason of rejectionReasons) assert.ok(Object.hasOwn(troubles, reason), reason);
  });
  it('of the contract are there', () => {
    const contract = `event_exists capacity_below_won closed not_open paused limit_reached sold_out
      idempotency_key_required unavailable overloaded recovering unknown_outcome`;
    for (const code of contract.split(/\s+/)) assert.ok(Object.hasOwn(troubles, code), code);
  });
  it('that promise nothing may be tried again', () => {
    for (const code of ['unavailable', 'overloaded', 'recovering', 'unknown_outcome'] as const) {
      assert.equal(troubles[code].retryable, true, code);
    }
  });
});

describe('a DibsError', () => {
  it('is an error that says what to do', () => {
    const cause = new Error('disk');
    const error = new DibsError('unavailable', 'gate.db does not answer', { cause, details: { store: 'gate' } });
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.message, error.retryable, error.remedy, error.cause, error.details],
      [
        'DibsError',
        'unavailable',
        'gate.db does not answer',
        true,
        troubles.unavailable.remedy,
        cause,
        { store: 'gate' },
      ],
    );
  });
  it('without a detail says its title, and has no cause', () => {
    for (const code of Object.keys(troubles) as TroubleCode[]) {
      const error = new DibsError(code);
      assert.equal(error.message, troubles[code].title);
      assert.equal(Object.hasOwn(error, 'cause'), false);
      assert.deepEqual(error.details, {});
    }
  });
});

describe('faults of fields', () => {
  it('of none refuse nothing', () => refuseFaults([]));
  it('are all named, the whole by its message alone', () => {
    const errors = [
      { path: '/name', message: 'must be text' },
      { path: '', message: 'must be an object' },
    ];
    assert.throws(
      () => refuseFaults(errors),
      (error) => {
        assert.ok(error instanceof DibsError);
        assert.deepEqual([error.code, error.message], ['invalid_request', '/name must be text; must be an object']);
        assert.deepEqual(error.details.errors, errors);
        return true;
      },
    );
  });
});
