/** A client library that is not installed is named, with what to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPackage } from '../../../src/ledgers/sql/package.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';

const absent: string = 'a-package-that-is-not-here';

describe('a package that is optional', () => {
  it('is loaded where it is installed', async () => {
    assert.equal(await loadPackage('pg', async () => 7), 7);
  });

  it('says how to install it where it is not', async () => {
    const error = await troubleOf('invalid_configuration', () => loadPackage(absent, () => import(absent)));
    assert.match(error.message, /npm install a-package-that-is-not-here/);
  });

  it('throws what is wrong with it otherwise', async () => {
    await assert.rejects(() => loadPackage('pg', () => import(absent)), /a-package-that-is-not-here/);
  });
});
