/** Statements and migrations stand in files beside their caller. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { readMigrations, readSql } from '../../src/lib/sql-file.ts';

/** The URL of a caller that has these files beside it. */
function callerWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-sql-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'steps'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return pathToFileURL(join(folder, 'caller.ts')).href;
}

describe('a statement in a file', () => {
  it('throws where it is not there', (t) => {
    assert.throws(() => readSql(callerWith(t, {}), 'none.sql'), /ENOENT/);
  });

  it('is read as it stands', (t) => {
    const text = "-- A header.\nSELECT 'é', '한국'\n";
    assert.equal(readSql(callerWith(t, { 'one.sql': text }), 'one.sql'), text);
  });
});

describe('migrations', () => {
  it('throw on a gap, a repeat, a wrong beginning and a name without a number', (t) => {
    for (const names of [
      ['0002-b.sql'],
      ['0001-a.sql', '0003-c.sql'],
      ['0001-a.sql', '0001-b.sql'],
      ['0000-a.sql', '0001-b.sql'],
      ['a.sql'],
    ]) {
      const caller = callerWith(t, Object.fromEntries(names.map((name) => [`steps/${name}`, ''])));
      assert.throws(() => readMigrations(caller, 'steps'), /migration .* is not number/, names.join());
    }
    assert.throws(() => readMigrations(callerWith(t, {}), 'none'), /ENOENT/);
  });

  it('come in the order of their numbers, and what is no SQL is none', (t) => {
    const caller = callerWith(t, {
      'steps/0002-b.sql': 'two',
      'steps/0010-j.sql': 'ten',
      'steps/0001-a.sql': 'one',
      'steps/README.md': 'no step',
    });
    assert.throws(() => readMigrations(caller, 'steps'), /0010-j\.sql is not number 3/);
    const whole = callerWith(t, { 'steps/0002-b.sql': 'two', 'steps/0001-a.sql': 'one', 'steps/README.md': 'no step' });
    assert.deepEqual(readMigrations(whole, 'steps'), [
      { number: 1, name: '0001-a', sql: 'one' },
      { number: 2, name: '0002-b', sql: 'two' },
    ]);
    assert.deepEqual(readMigrations(callerWith(t, {}), 'steps'), []);
  });
});
