/** The gate of one machine passes the suite of all gates, and keeps what SQLite alone can break. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Gate } from '../../../src/core/gate.ts';
import { checkWins } from '../../../src/core/invariants.ts';
import type { Win } from '../../../src/core/win.ts';
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import {
  claim,
  commonOf,
  crowd,
  drain,
  folded,
  openEvent,
  seen,
  standing,
  verdict,
  winOf,
} from '../../../src/testing/gate/acting.ts';
import type { GateSetup } from '../../../src/testing/gate/bench.ts';
import { gateConformance } from '../../../src/testing/gate/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { runTrace, type TraceStep } from '../../../src/testing/trace.ts';
import { modelGateSetup } from '../../testing/model-setup.ts';
import { databaseFolder, fillDisk, openWatched, plansOf, pragma } from '../../testing/sqlite-connection.ts';
import { traces } from '../../testing/trace-arbitrary.ts';

async function setup(): Promise<Required<Omit<GateSetup, 'fence'>>> {
  const { file: path, remove } = await databaseFolder('gate');
  const clock = new ManualClock();
  let open = await openSqliteGate({ path, clock });
  return {
    gate: open,
    clock,
    async reopen() {
      await open.close();
      open = await openSqliteGate({ path, clock });
      return open;
    },
    async teardown() {
      await open.close();
      await remove();
    },
  };
}

gateConformance('sqlite', {
  setup,
  lacks: { fence: 'one process alone holds the file, and each that opens it has all that was written' },
  processes: {
    access: 'one',
    store: {
      module: new URL('./gate-process.ts', import.meta.url),
      async make() {
        const { file, remove } = await databaseFolder('gate');
        return { at: file, remove };
      },
    },
  },
});

describe('the SQLite gate and the model', () => {
  async function observed(setup: () => Promise<GateSetup>, trace: readonly TraceStep[]) {
    const { teardown, ...bench } = await setup();
    try {
      return await runTrace(bench as Required<typeof bench>, trace);
    } finally {
      await teardown();
    }
  }
  it('do the same under random traces', async () => {
    const property = fc.asyncProperty(traces, async (trace) => {
      assert.deepEqual(await observed(setup, trace), await observed(() => modelGateSetup(openModelGate), trace));
    });
    await fc.assert(property, { numRuns: 150 });
  });
});

/** A gate on a file of its own, whose connection the test can reach; both are gone after the test. */
async function watched(t: TestContext) {
  const { file: path, remove } = await databaseFolder('gate');
  const clock = new ManualClock();
  const { opened: gate, db } = await openWatched(() => openSqliteGate({ path, clock }));
  t.after(async () => {
    await gate.close();
    await remove();
  });
  return { gate, db, clock, path };
}

describe('the settings of the SQLite gate', () => {
  it('make a commit durable, and the file its own', async (t) => {
    const { gate, db } = await watched(t);
    await openEvent(gate);
    await claim(gate, 'alice');
    const settings = ['journal_mode', 'synchronous', 'locking_mode'].map((name) => pragma(db, name));
    assert.deepEqual(settings, ['wal', 2, 'exclusive']);
  });

  it('keep every other connection out, of this process too, a reader as well', async (t) => {
    const { gate, path, clock } = await watched(t);
    await openEvent(gate);
    await troubleOf('store_locked', () => openSqliteGate({ path, clock }));
    using other = new DatabaseSync(path);
    assert.throws(() => other.prepare('SELECT * FROM wins').all(), /locked/);
    assert.equal(verdict(await claim(gate, 'alice')), 'won');
  });

  it('refuse a store that cannot be durable', async () => {
    const error = await troubleOf('store_unfit', () => openSqliteGate({ path: ':memory:', clock: systemClock }));
    assert.match(error.message, /journal_mode memory/);
  });

  it('refuse a file that is no database, and leave it as it is', async (t) => {
    const { file: path, folder, remove } = await databaseFolder('gate');
    t.after(remove);
    await writeFile(path, 'not a database, but somebody’s notes'.repeat(100));
    await troubleOf('store_unfit', () => openSqliteGate({ path, clock: systemClock }));
    await troubleOf('store_unfit', () => openSqliteGate({ path: folder, clock: systemClock }));
    await troubleOf('store_unfit', () => openSqliteGate({ path: join(folder, 'none', 'gate.db'), clock: systemClock }));
  });

  it('refuse the schema of a later version', async (t) => {
    const { gate, path, clock } = await watched(t);
    await gate.close();
    using later = new DatabaseSync(path);
    later.exec("INSERT INTO dibs_migrations (number, name, applied_at) VALUES (99, '0099-later', 0)");
    later.close();
    const error = await troubleOf('store_not_migrated', () => openSqliteGate({ path, clock }));
    assert.match(error.message, /0099-later/);
  });
});

describe('a full disk', () => {
  it('is unavailable, loses nothing and promises nothing, and goes on once there is room', async (t) => {
    const { gate, db } = await watched(t);
    await openEvent(gate, { capacity: 100_000, limitPerUser: 2 });
    const first = winOf(await claim(gate, 'alice', 'a'));
    const makeRoom = fillDisk(db);
    let wins = 1;
    const fill = async () => {
      for (; wins < 100_000; wins += 100) await gate.admit('drop', crowd(100, `user-${wins}-${'x'.repeat(90)}-`, 'a'));
    };
    const error = await troubleOf('unavailable', fill);
    assert.match(error.message, /full/);
    const before = await seen(gate);
    assert.equal((await standing(gate)).won, wins);

    await troubleOf('unavailable', () => gate.admit('drop', crowd(100, `late-${'x'.repeat(100)}-`, 'a')));
    const { spec } = await standing(gate);
    await troubleOf('unavailable', () => gate.create({ ...spec, id: 'other', name: '🎟'.repeat(200) }));
    assert.deepEqual(await claim(gate, 'alice', 'a'), { outcome: 'won', replayed: true, win: first }, 'replays go on');
    assert.deepEqual(await seen(gate), before);

    makeRoom();
    assert.equal(winOf(await claim(gate, 'late', 'a')).slot, wins + 1);
    assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(await standing(gate)));
    assert.deepEqual(checkWins(spec, await gate.wins('drop', 0, 100_000)), []);
  });

  it('hides no event that time has closed', async (t) => {
    const { gate, db, clock } = await watched(t);
    await openEvent(gate, { closesAt: clock.now() + 1000 });
    await claim(gate, 'alice');
    clock.step(1000);
    // As if there were no room for the record of its end alone.
    db.exec("CREATE TEMP TRIGGER full BEFORE INSERT ON main.acts BEGIN SELECT RAISE(ABORT, 'no room'); END");
    assert.equal(verdict(await claim(gate, 'bob')), 'closed');
    assert.equal(verdict(await claim(gate, 'alice')), 'replayed');
    assert.equal((await gate.list(null, 10)).length, 1);
    db.exec('DROP TRIGGER temp.full');
    assert.equal((await standing(gate)).phase, 'closed');
  });
});

const loop = fileURLToPath(new URL('./admit-loop.ts', import.meta.url));

/** Runs the loop until it has said `killAfter` wins, kills it, and gives what it has said; `prefix` may set limits first. */
async function runLoop(path: string, word: string, killAfter: number, prefix = '') {
  const child = spawn('sh', ['-c', `${prefix} exec "$0" "$@"`, process.execPath, loop, path, word], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const acknowledged: Win[] = [];
  const troubles: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind = '', text = ''] = line.split(/ (.*)/s);
    // The last line may be cut: what was not said in full was not acknowledged.
    if (kind === 'win' && text.endsWith('}')) acknowledged.push(JSON.parse(text) as Win);
    if (kind === 'trouble') troubles.push(text);
    if (acknowledged.length >= killAfter) child.kill('SIGKILL');
  }
  await ended;
  return { acknowledged, troubles };
}

async function everyWin(gate: Gate): Promise<Win[]> {
  const wins: Win[] = [];
  for (;;) {
    const page = await gate.wins('drop', wins.length, 10_000);
    if (page.length === 0) return wins;
    wins.push(...page);
  }
}

/** Opens the file anew and checks that it has all that was acknowledged, each at its slot, and nothing contradicts. */
async function checkFile(path: string, acknowledged: readonly Win[]): Promise<void> {
  const gate = await openSqliteGate({ path, clock: systemClock });
  try {
    const wins = await everyWin(gate);
    for (const win of acknowledged) assert.deepEqual(wins[win.slot - 1], win, `slot ${win.slot} was acknowledged`);
    const event = await standing(gate);
    assert.deepEqual(checkWins(event.spec, wins), []);
    assert.equal(event.won, wins.length);
    assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(event));
  } finally {
    await gate.close();
  }
}

describe('a gate that is killed', () => {
  it('twenty times in the middle of its work has every win that it has acknowledged', async (t) => {
    const { file: path, remove } = await databaseFolder('gate');
    t.after(remove);
    const acknowledged: Win[] = [];
    for (let round = 1; round <= 20; round += 1) {
      const killAfter = 1 + Math.floor(Math.random() * 1500);
      const said = await runLoop(path, `round-${round}`, killAfter);
      assert.deepEqual(said.troubles, [], `round ${round}`);
      acknowledged.push(...said.acknowledged);
      await checkFile(path, acknowledged);
    }
    assert.equal(new Set(acknowledged.map((win) => win.slot)).size, acknowledged.length);
  });

  it('by a file that may not grow stops, and has every win that it has acknowledged', async (t) => {
    const { file: path, remove } = await databaseFolder('gate');
    t.after(remove);
    // In blocks of 512 bytes or of 1,024, as the shell has it; either is soon reached. A write beyond it fails as a broken disk does.
    const { acknowledged, troubles } = await runLoop(path, 'limited', Infinity, 'ulimit -f 600;');
    assert.ok(acknowledged.length > 100, `${acknowledged.length} wins before the end`);
    assert.equal(troubles.length, 3);
    assert.match(troubles[0] ?? '', /^(unavailable|unknown_outcome)$/);
    assert.deepEqual(troubles.slice(1), ['unavailable', 'unavailable']);
    await checkFile(path, acknowledged);
    const { acknowledged: more } = await runLoop(path, 'again', 50);
    await checkFile(path, [...acknowledged, ...more]);
  });
});

describe('the plans of the gate’s statements', () => {
  const folder = new URL('../../../src/gates/sqlite/', import.meta.url);
  const intended: Record<string, string> = {
    'acts-after.sql': 'SEARCH acts USING PRIMARY KEY (event_no=? AND (slot,n)>(?,?))',
    'event-by-id.sql': 'SEARCH events USING INDEX sqlite_autoindex_events_1 (event_id=?)',
    'event-ids-after.sql': 'SEARCH events USING COVERING INDEX sqlite_autoindex_events_1 (event_id>?)',
    'update-won.sql': 'SEARCH events USING INTEGER PRIMARY KEY (rowid=?)',
    'users-of-event.sql': 'SEARCH wins USING PRIMARY KEY (event_no=?)',
    'win-by-slot.sql': 'SEARCH wins USING PRIMARY KEY (event_no=? AND slot=?)',
    'wins-after.sql': 'SEARCH wins USING PRIMARY KEY (event_no=? AND slot>? AND slot<?)',
  };
  const filling = `
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO wins SELECT 1, i, 'user-' || i, 1, NULL, i || '-0123456789ab', 0, 1 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO events SELECT i, 'event-' || i, 'E', 100000, 1, NULL, NULL, 'active', 1, 1, 0, 1, 0, 0 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO acts SELECT i, 0, 1, '{}' FROM n`;

  it('use the index that is meant, empty, filled and with statistics', async (t) => {
    const { file: path, remove } = await databaseFolder('gate');
    t.after(remove);
    await (await openSqliteGate({ path, clock: systemClock })).close();
    for (const [state, sql] of [
      ['empty', ''],
      ['filled', filling],
      ['with statistics', 'ANALYZE'],
    ] as const) {
      using db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      const plans = plansOf(path, folder);
      for (const [name, plan] of plans)
        assert.deepEqual(plan, name in intended ? [intended[name]] : [], `${name}, ${state}`);
      for (const name of Object.keys(intended)) assert.ok(plans.has(name), `${name} is there`);
    }
  });
});
