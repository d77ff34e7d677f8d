import assert from 'node:assert/strict';
import { DibsError, type TroubleCode } from '../core/errors.ts';

/** Awaits the trouble that `code` names, and gives it; anything else, success included, fails the test. */
export async function troubleOf(code: TroubleCode, act: () => Promise<unknown>): Promise<DibsError> {
  let value: unknown;
  try {
    value = await act();
  } catch (error) {
    if (!(error instanceof DibsError)) throw error;
    assert.equal(error.code, code, `the trouble should be ${code}: ${error.message}`);
    return error;
  }
  return assert.fail(`should have thrown ${code}, and gave ${JSON.stringify(value)}`);
}
