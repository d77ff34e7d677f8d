/** Which index each statement uses: one that is not meant is slow, or locks what is no concern of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bind } from '../../../src/ledgers/mysql/bind.ts';
import { migrated } from './bench.ts';
import type { Subject } from './conformance.ts';
import { connectTo, type Operator } from './operate.ts';

type Value = string | number | null;

/** Values to ask with, and the indexes that are meant: by MySQL's names and by PostgreSQL's. */
const intended: Readonly<
  Record<
    string,
    { readonly values: readonly (Value | Value[])[]; readonly mysql: string[]; readonly postgres: string[] }
  >
> = {
  'coupons-after': { values: ['event-1', 5000, 100], mysql: ['PRIMARY'], postgres: ['coupons_pkey'] },
  'coupons-by-slot': { values: ['event-1', [4, 5, 6]], mysql: ['PRIMARY'], postgres: ['coupons_pkey'] },
  'standing-coupons': {
    values: ['event-1', [4, 5], ['user-4', 'user-7'], ['4-c', '7-c']],
    mysql: ['PRIMARY', 'coupons_by_claim', 'coupons_by_user'],
    postgres: ['coupons_by_claim', 'coupons_by_user', 'coupons_pkey'],
  },
  'event-by-id': { values: ['event-1'], mysql: ['PRIMARY'], postgres: ['events_pkey'] },
  'events-after': { values: ['event-1', 10], mysql: ['PRIMARY'], postgres: ['events_pkey'] },
  'failure-by-id': { values: [7], mysql: ['PRIMARY'], postgres: ['failed_issuances_pkey'] },
  'failures-by-slot': {
    values: ['event-1', [20_004, 20_007]],
    mysql: ['failed_issuances_by_slot'],
    postgres: ['failed_issuances_by_slot'],
  },
  'failures-due': { values: [50, 20], mysql: ['failed_issuances_by_due'], postgres: ['failed_issuances_by_due'] },
  failures: { values: [100, null, null, 20], mysql: ['PRIMARY'], postgres: ['failed_issuances_pkey'] },
  'lock-failure': { values: [7], mysql: ['PRIMARY'], postgres: ['failed_issuances_pkey'] },
  'settle-failure': { values: [7, 'discarded', 'x', 0], mysql: ['PRIMARY'], postgres: ['failed_issuances_pkey'] },
  'postpone-failure': { values: [7, 'x', 9], mysql: ['PRIMARY'], postgres: ['failed_issuances_pkey'] },
  position: { values: ['event-1'], mysql: ['PRIMARY'], postgres: ['log_positions_pkey'] },
  'move-position': { values: ['event-1', '0-1', '0-2'], mysql: ['PRIMARY'], postgres: ['log_positions_pkey'] },
};

const fill = {
  mysql: [
    "INSERT INTO coupons SELECT CONCAT('event-', seq % 3), seq, CONCAT('user-', seq), 1, CONCAT(seq, '-c'), NULL, 'CODE', 0, 0 FROM seq_1_to_20000",
    `INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
     SELECT CONCAT('event-', seq % 3), 20000 + seq, 'user', '{}', 'no', 1, seq, IF(seq % 10 = 0, 'waiting', 'reissued') FROM seq_1_to_3000`,
    "INSERT INTO events SELECT CONCAT('event-', seq), '{}', 'active', 1, 1, 0, 0 FROM seq_1_to_3000",
    "INSERT INTO log_positions SELECT CONCAT('event-', seq), '0-1', 0 FROM seq_1_to_3000",
  ],
  postgres: [
    "INSERT INTO coupons SELECT 'event-' || i % 3, i, 'user-' || i, 1, i || '-c', NULL, 'CODE', 0, 0 FROM generate_series(1, 20000) i",
    `INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
     SELECT 'event-' || i % 3, 20000 + i, 'user', '{}', 'no', 1, i, CASE i % 10 WHEN 0 THEN 'waiting' ELSE 'reissued' END FROM generate_series(1, 3000) i`,
    "INSERT INTO events SELECT 'event-' || i, '{}', 'active', 1, 1, 0, 0 FROM generate_series(1, 3000) i",
    "INSERT INTO log_positions SELECT 'event-' || i, '0-1', 0 FROM generate_series(1, 3000) i",
  ],
};
const analyze = {
  mysql: ['ANALYZE TABLE coupons, failed_issuances, events, log_positions'],
  postgres: ['ANALYZE'],
};

const literal = (value: Value | Value[], open: string, close: string): string => {
  if (Array.isArray(value)) return `${open}${value.map((one) => literal(one, open, close)).join(', ')}${close}`;
  return value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value}'`;
};

const explain = {
  async mysql(operator: Operator, text: string, values: readonly (Value | Value[])[]): Promise<string[]> {
    const bound = bind(
      text,
      values.map((value) => literal(value, '', '')),
    );
    let place = 0;
    const sql = bound.sql.replaceAll('?', () => bound.values[place++] ?? 'NULL');
    const rows = await operator.run(`EXPLAIN ${sql}`);
    return rows.filter((row) => row['select_type'] !== 'UNION RESULT').map((row) => String(row['key']));
  },
  async postgres(operator: Operator, text: string, values: readonly (Value | Value[])[]): Promise<string[]> {
    const sql = text.replaceAll(/\$(\d)/g, (_, number: string) =>
      literal(values[Number(number) - 1] ?? null, 'ARRAY[', ']'),
    );
    const rows = await operator.run(`EXPLAIN ${sql}`);
    const lines = rows.map((row) => String(row['QUERY PLAN']));
    const scans = lines.filter((line) => /Scan/.test(line) && !/Bitmap Heap Scan/.test(line));
    return scans.map((line) => /(?:using|Bitmap Index Scan on) (\w+)/.exec(line)?.[1] ?? line.trim());
  },
};

export function registerPlans(subject: Subject): void {
  describe('the plans of the statements', () => {
    it('use the indexes that are meant', async (t) => {
      const { url } = await migrated(t, subject);
      const operator = await connectTo(url);
      t.after(() => operator.end());
      const folder = new URL(`../../../src/ledgers/${subject.kind}/`, import.meta.url);
      const states = [fill[subject.kind], analyze[subject.kind]];
      for (const statements of states) {
        for (const one of statements) await operator.run(one);
        for (const [name, expected] of Object.entries(intended)) {
          const text = readFileSync(new URL(`${name}.sql`, folder), 'utf8').replaceAll(/^--.*\n/gm, '');
          const used = await explain[subject.kind](operator, text, expected.values);
          // Without statistics PostgreSQL has nothing to choose by.
          if (statements === states[0] && subject.kind === 'postgres') continue;
          assert.deepEqual(used.toSorted(), expected[subject.kind], name);
        }
      }
    });
  });

  describe('the statements', () => {
    it('are the same in every database, by name and parameters', () => {
      const told = (kind: string): Map<string, number> => {
        const folder = new URL(`../../../src/ledgers/${kind}/`, import.meta.url);
        const names = readdirSync(folder).filter((name) => name.endsWith('.sql') && !/^(session|server)-/.test(name));
        return new Map(names.map((name) => [name, parametersOf(readFileSync(new URL(name, folder), 'utf8'))]));
      };
      const [own, reference] = [told(subject.kind), told('postgres')];
      assert.deepEqual([...own.keys()], [...reference.keys()]);
      for (const [name, count] of own) if (!name.startsWith('insert-')) assert.equal(count, reference.get(name), name);
    });
  });
}

const parametersOf = (text: string): number =>
  Math.max(0, ...Array.from(text.replaceAll(/^--.*\n/gm, '').matchAll(/[?$](\d)/g), (match) => Number(match[1])));
