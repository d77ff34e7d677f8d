/** What every store of one machine is opened with: locks, durability, errors by their meaning, and migrations. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DibsError, type TroubleCode } from '../../src/core/errors.ts';
import type { Migration } from '../../src/lib/sql-file.ts';
import {
  assertDurable,
  checkMigrated,
  isKeyTaken,
  isRowRefusal,
  isStoreFailure,
  migrateSqlite,
  openSqlite,
  query,
  readPragma,
  sqliteTrouble,
  transact,
} from '../../src/lib/sqlite.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dibs-sqlite-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const optionsOf = (path: string, exclusive = false) => ({ path, exclusive, busyTimeoutMs: 0 });

function open(t: TestContext, path = join(folder(t), 'a.db'), exclusive = false): DatabaseSync {
  const db = openSqlite(optionsOf(path, exclusive));
  t.after(() => {
    if (db.isOpen) db.close();
  });
  return db;
}

function troubleOf(code: TroubleCode, act: () => unknown): DibsError {
  try {
    act();
  } catch (error) {
    if (!(error instanceof DibsError)) throw error;
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`should have thrown ${code}`);
}

/** What `act` throws, by whatever name. */
function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail('should have thrown');
}

describe('opening a database', () => {
  it('says that a file is none of its own', (t) => {
    const path = join(folder(t), 'a.db');
    writeFileSync(path, 'not a database, but long enough to be taken for the header of one: '.repeat(40));
    const { message } = troubleOf('store_unfit', () => openSqlite(optionsOf(path)));
    assert.ok(message.includes(path), message);
  });

  it('says that a path cannot be opened', (t) => {
    const path = folder(t);
    troubleOf('store_unfit', () => openSqlite(optionsOf(join(path, 'none/a.db'))));
    mkdirSync(join(path, 'a.db'));
    troubleOf('store_unfit', () => openSqlite(optionsOf(join(path, 'a.db'))));
  });

  it('refuses what another connection has for itself, and the other goes on', (t) => {
    const path = join(folder(t), 'a.db');
    const first = open(t, path, true);
    for (const exclusive of [true, false]) {
      const { message } = troubleOf('store_locked', () => openSqlite(optionsOf(path, exclusive)));
      assert.ok(message.includes(path), message);
    }
    first.exec('CREATE TABLE a (b)');
    first.close();
    assert.ok(open(t, path, true).isOpen, 'the lock ends with its holder');
  });

  it('refuses to take for itself what another connection has open', (t) => {
    const path = join(folder(t), 'a.db');
    open(t, path).exec('CREATE TABLE a (b)');
    troubleOf('store_locked', () => openSqlite(optionsOf(path, true)));
    open(t, path).exec('INSERT INTO a VALUES (1)');
  });

  it('makes commits durable, which is asserted after a write', (t) => {
    for (const exclusive of [true, false]) {
      const path = join(folder(t), 'a.db');
      const db = open(t, path, exclusive);
      db.exec('CREATE TABLE a (b)');
      assert.doesNotThrow(() => assertDurable(db, optionsOf(path, exclusive)));
      assert.equal(readPragma(db, 'PRAGMA journal_mode'), 'wal');
      assert.equal(readPragma(db, 'PRAGMA synchronous'), 2);
    }
  });
});

describe('the assertion of durability', () => {
  it('fails on each setting by which a commit could be lost', (t) => {
    const path = join(folder(t), 'a.db');
    const db = open(t, path);
    troubleOf('store_unfit', () => assertDurable(db, optionsOf(path, true)));
    for (const weaker of ['OFF', 'NORMAL']) {
      db.exec(`PRAGMA synchronous = ${weaker}`);
      troubleOf('store_unfit', () => assertDurable(db, optionsOf(path)));
    }
    db.exec('PRAGMA synchronous = FULL');
    assertDurable(db, optionsOf(path));
    for (const weaker of ['MEMORY', 'OFF']) {
      db.exec(`PRAGMA journal_mode = ${weaker}`);
      troubleOf('store_unfit', () => assertDurable(db, optionsOf(path)));
    }
    assert.equal(readPragma(db, 'SELECT 1 WHERE 0'), undefined);
  });
});

describe('an error of SQLite', () => {
  it('is a refused row where a constraint or a trigger raised it, and a taken key where a key was', (t) => {
    const db = open(t);
    db.exec(`CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT NOT NULL UNIQUE CHECK (b <> 'odd'), c INTEGER REFERENCES a) STRICT;
      CREATE TRIGGER t BEFORE INSERT ON a WHEN NEW.b = 'planted' BEGIN SELECT RAISE(ABORT, 'planted'); END;
      INSERT INTO a VALUES (1, 'x', NULL)`);
    const of = (values: string) => thrownBy(() => db.exec(`INSERT INTO a VALUES (${values})`));
    for (const [values, isTaken] of [
      ["1, 'y', NULL", true],
      ["2, 'x', NULL", true],
      ['2, NULL, NULL', false],
      ["2, 'odd', NULL", false],
      ["2, 'planted', NULL", false],
      ["2, 'y', 99", false],
      ["2, 'y', 'text'", false],
    ] as const) {
      const error = of(values);
      assert.deepEqual([isRowRefusal(error), isKeyTaken(error), isStoreFailure(error)], [true, isTaken, false], values);
    }
    const syntax = thrownBy(() => db.exec('SELEC'));
    assert.deepEqual([isRowRefusal(syntax), isKeyTaken(syntax), isStoreFailure(syntax)], [false, false, false]);
  });

  it('is a failure of the store after which nothing is known where I/O or the file failed', () => {
    const failure = (errcode: number) => Object.assign(new Error('x'), { errcode });
    for (const errcode of [10, 11, 26, 10 | (3 << 8), 11 | (1 << 8)])
      assert.equal(isStoreFailure(failure(errcode)), true);
    for (const errcode of [5, 6, 13, 19, 2067]) assert.equal(isStoreFailure(failure(errcode)), false);
    for (const odd of [null, undefined, 'x', new Error('x'), { errcode: 10 }]) {
      assert.deepEqual([isStoreFailure(odd), isRowRefusal(odd), isKeyTaken(odd)], [false, false, false]);
    }
  });

  it('tells a caller to try again, and keeps what is trouble of ours already', () => {
    const full = sqliteTrouble(Object.assign(new Error('database or disk is full'), { errcode: 13 }), '/d/a.db');
    assert.equal(full.code, 'unavailable');
    assert.match(full.message, /disk of \/d\/a\.db is full/);
    for (const odd of [new Error('x'), 'x', null]) {
      const trouble = sqliteTrouble(odd, '/d/a.db');
      assert.deepEqual([trouble.code, trouble.retryable, trouble.cause], ['unavailable', true, odd]);
    }
    const ours = new DibsError('event_not_found');
    assert.equal(sqliteTrouble(ours, '/d/a.db'), ours);
  });

  it('of a full disk is met for what it is', (t) => {
    const db = open(t);
    db.exec('CREATE TABLE a (b); PRAGMA max_page_count = 4');
    const error = thrownBy(() => transact(db, () => db.exec('INSERT INTO a VALUES (zeroblob(100000))')));
    assert.match(sqliteTrouble(error, 'a.db').message, /is full/);
    assert.equal(isStoreFailure(error), false);
    assert.equal(db.isTransaction, false);
  });
});

describe('a transaction', () => {
  it('leaves nothing of what threw, and throws it', (t) => {
    const db = open(t);
    db.exec('CREATE TABLE a (b)');
    const planned = new Error('planned');
    const thrown = thrownBy(() =>
      transact(db, () => {
        db.exec('INSERT INTO a VALUES (1)');
        throw planned;
      }),
    );
    assert.equal(thrown, planned);
    assert.equal(db.isTransaction, false);
    assert.equal(readPragma(db, 'SELECT COUNT(*) FROM a'), 0);
  });

  it('throws what threw where SQLite has rolled back by itself', (t) => {
    const db = open(t);
    db.exec(`CREATE TABLE a (b);
      CREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT RAISE(ROLLBACK, 'planted'); END`);
    assert.match(String(thrownBy(() => transact(db, () => db.exec('INSERT INTO a VALUES (1)')))), /planted/);
    assert.equal(db.isTransaction, false);
  });

  it('takes the write lock at once, so that what it has read cannot change', (t) => {
    const path = join(folder(t), 'a.db');
    const [db, other] = [open(t, path), open(t, path)];
    db.exec('CREATE TABLE a (b)');
    transact(db, () => assert.match(String(thrownBy(() => other.exec('INSERT INTO a VALUES (1)'))), /locked/));
    other.exec('INSERT INTO a VALUES (2)');
  });

  it('gives what the act gave, and keeps it', (t) => {
    const path = join(folder(t), 'a.db');
    const db = open(t, path);
    db.exec('CREATE TABLE a (b)');
    assert.equal(
      transact(db, () => db.prepare('INSERT INTO a VALUES (1)').run().changes),
      1,
    );
    const rows = query<{ readonly b: number }>(open(t, path), 'SELECT b FROM a').all();
    assert.deepEqual(
      rows.map((row) => row.b),
      [1],
    );
  });
});

describe('migrating', () => {
  const steps = (count: number): Migration[] =>
    Array.from({ length: count }, (_, at) => ({
      number: at + 1,
      name: `000${at + 1}-step`,
      sql: `CREATE TABLE t${at + 1} (b); INSERT INTO t${at + 1} VALUES (${at + 1})`,
    }));
  const namesOf = (migrations: readonly Migration[]) => migrations.map((migration) => migration.name);

  it('leaves nothing of a step that fails, nor of those before it', (t) => {
    const db = open(t);
    migrateSqlite(db, steps(1), 0);
    const broken = [...steps(2), { number: 3, name: '0003-step', sql: 'CREATE TABLE t3 (b); CREATE NONSENSE' }];
    assert.match(String(thrownBy(() => migrateSqlite(db, broken, 0))), /NONSENSE/);
    assert.equal(readPragma(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('t2', 't3')"), 0);
    assert.deepEqual(migrateSqlite(db, steps(3), 0), ['0002-step', '0003-step']);
  });

  it('refuses a schema of a later or another version, and changes nothing', (t) => {
    const db = open(t);
    migrateSqlite(db, steps(3), 0);
    const { message } = troubleOf('store_not_migrated', () => migrateSqlite(db, steps(2), 0));
    assert.match(message, /0003-step/);
    troubleOf('store_not_migrated', () => checkMigrated(db, steps(2)));
    const other = [{ number: 1, name: '0001-other', sql: 'CREATE TABLE other (b)' }, ...steps(3).slice(1)];
    troubleOf('store_not_migrated', () => migrateSqlite(db, other, 0));
    checkMigrated(db, steps(3));
  });

  it('is missed by a check that names what is missing', (t) => {
    const db = open(t);
    assert.match(troubleOf('store_not_migrated', () => checkMigrated(db, steps(2))).message, /0001-step, 0002-step/);
    migrateSqlite(db, steps(1), 0);
    assert.match(troubleOf('store_not_migrated', () => checkMigrated(db, steps(2))).message, /lacks 0002-step/);
  });

  it('runs each step once, in order, whatever the version it begins at', (t) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }), (versions) => {
        using db = new DatabaseSync(':memory:');
        let at = 0;
        for (const version of versions.toSorted((a, b) => a - b)) {
          assert.deepEqual(migrateSqlite(db, steps(version), 7), namesOf(steps(version)).slice(at));
          at = version;
          checkMigrated(db, steps(version));
        }
        const noted = db.prepare('SELECT number, name, applied_at FROM dibs_migrations ORDER BY number').all();
        assert.deepEqual(
          noted.map((row) => ({ ...row })),
          steps(at).map(({ number, name }) => ({ number, name, applied_at: 7 })),
        );
      }),
      { numRuns: 25 },
    );
    assert.ok(open(t).isOpen);
  });
});
