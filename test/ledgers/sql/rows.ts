/** What a row may hold, byte for byte, and what becomes of one that does not fit. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import type { NewCoupon } from '../../../src/core/coupon.ts';
import type { IssueOutcome } from '../../../src/core/ledger.ts';
import {
  batchOf,
  conflictAt,
  couponOf,
  couponsOf,
  failureOf,
  issue,
  ledgerEvent,
  unchangedBy,
} from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { migrated } from './bench.ts';
import type { Subject } from './conformance.ts';
import { operate } from './operate.ts';

// Under one collation or another some of these are one: by case, by accents composed or not, by width, by spaces behind.
const lookalikes = [
  'alice',
  'ALICE',
  'Alice',
  '\u00e1lice',
  'a\u0301lice',
  'ａlice',
  'alıce',
  'alice\u200b',
  'alice ',
  'alice  ',
  ' alice',
  'alice\t',
  'alice\n',
  'alice\u00a0',
  'ß',
  'ss',
  'SS',
  'ﬁ',
  'fi',
  'İ',
  'I',
  'ı',
  '\u00c5',
  '\u212b',
  'A\u030a',
  '\uac00',
  '\u1100\u1161',
  '🎟',
  '🎟️',
  '😀',
  '😁',
  '?',
  '\\',
  "'",
  '"',
  '%',
  '_',
  '',
];

function refusedBy(outcome: IssueOutcome): string {
  return outcome.outcome === 'refused' ? outcome.error : assert.fail(JSON.stringify(outcome));
}

function registerIds(subject: Subject): void {
  describe('ids that only look alike', () => {
    it('are users, keys and claims of their own', async (t) => {
      const { ledger } = await migrated(t, subject);
      const coupons = lookalikes.map((id, index) => couponOf(index + 1, { userId: id, key: id, claimId: `c${id}` }));
      assert.equal(await issue(ledger, { coupons }), 0);
      const written = await ledger.coupons('drop', 0, 100);
      assert.deepEqual(
        written.map(({ userId, key, claimId }) => [userId, key, claimId]),
        lookalikes.map((id) => [id, id, `c${id}`]),
      );
      assert.equal(
        await issue(ledger, { from: '1-0', to: '1-1', coupons }),
        lookalikes.length,
        'each is its own repeat',
      );
    });

    it('are events, partitions and stops of their own', async (t) => {
      const { ledger } = await migrated(t, subject);
      const ids = lookalikes.map((id) => `e${id}`);
      for (const [index, id] of ids.entries()) {
        const event = ledgerEvent(1, { spec: { ...ledgerEvent(1).spec, id } });
        const stops = [{ eventId: id, cause: id }];
        const coupons = [couponOf(index + 1, { eventId: id })];
        await issue(ledger, { partition: id, to: id, events: [event], coupons, stops });
      }
      const inByteOrder = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(
        (await ledger.events(null, 100)).map(({ spec }) => spec.id),
        inByteOrder,
      );
      assert.deepEqual(
        (await ledger.stopped()).map(({ eventId, cause }) => [eventId, cause]),
        inByteOrder.map((id) => [id, id]),
      );
      for (const [index, id] of ids.entries()) {
        assert.equal(await ledger.position(id), id);
        assert.deepEqual(await ledger.totals(id), { issued: 1, failed: 0, discarded: 0, lastSlot: index + 1 });
        assert.equal((await ledger.couponsBySlot(id, [index + 1])).length, 1);
      }
    });

    it('are found under their own name alone', async (t) => {
      const { ledger } = await migrated(t, subject);
      await issue(ledger, { partition: 'p', coupons: [couponOf(1, { eventId: 'alice' })], failures: [failureOf(2)] });
      for (const other of ['ALICE', 'alice ', 'álice', 'alic', 'alicee']) {
        assert.equal((await ledger.totals(other)).issued, 0, other);
        assert.equal(await ledger.event(other), null);
        assert.deepEqual(await ledger.coupons(other, 0, 10), []);
      }
      for (const other of ['P', 'p ', ' p']) assert.equal(await ledger.position(other), null);
      assert.deepEqual(await ledger.failures({ eventId: 'DROP', afterId: 0, limit: 10 }), []);
    });
  });
}

function registerTexts(subject: Subject): void {
  describe('texts', () => {
    it('come back as they were, whatever is in them', async (t) => {
      const { ledger } = await migrated(t, subject);
      const texts = [
        '',
        ' ',
        'a ',
        '한정 수량 🎟️',
        '\'"\\\\n\\0%_?$1:x',
        'a\0b',
        '\ud83c',
        'json:"a"',
        'json:"',
        '\u2028\r\n\t',
      ];
      const failures = texts.map((text, index) => failureOf(index + 1, { record: text, error: text }));
      const stops = texts.map((cause, index) => ({ eventId: String(index), cause }));
      await issue(ledger, { failures, stops });
      const kept = await ledger.failures({ afterId: 0, limit: 100 });
      assert.deepEqual(
        kept.map(({ record, error }) => [record, error]),
        texts.map((text) => [text, text]),
      );
      assert.deepEqual(
        (await ledger.stopped()).map(({ cause }) => cause),
        texts,
      );
      for (const [index, { id }] of kept.entries()) {
        const reason = texts[index] ?? '';
        await ledger.changeFailure(id, { state: 'waiting', error: reason, nextAttemptAt: 1 });
        await ledger.changeFailure(id, { state: 'discarded', reason });
        const changed = await ledger.failure(id);
        assert.deepEqual([changed?.error, changed?.reason], [reason, reason]);
      }
    });

    it('of 4 MB, several at a time, come back whole', async (t) => {
      const { ledger } = await migrated(t, subject);
      const record = "한🎟x\\'".repeat(300_000);
      assert.ok(Buffer.byteLength(record) > 2_500_000);
      const long = 'x'.repeat(4_000_000);
      const failures = [
        failureOf(1, { record }),
        failureOf(2, { record: long }),
        failureOf(3, { record, error: record }),
      ];
      await issue(ledger, { failures });
      const kept = await ledger.failures({ afterId: 0, limit: 10 });
      assert.ok(kept[0]?.record === record && kept[1]?.record === long && kept[2]?.error === record);
    });

    it('of a spec keep the order of their keys and every digit', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      const spec = { ...ledgerEvent(1).spec, name: '이벤트 🎟️ "\\', opensAt: 8_640_000_000_000_000 };
      await ledger.putEvent(ledgerEvent(1, { spec }));
      const [row] = await operate(url, 'SELECT spec FROM events');
      const text = row?.['spec'];
      assert.deepEqual(typeof text === 'string' ? JSON.parse(text) : text, spec);
      assert.deepEqual(Object.keys((await ledger.event('drop'))?.spec ?? {}), Object.keys(spec));
    });
  });
}

// Each breaks one bound, and each would be another's if it were cut.
const misfits: readonly (readonly [string, Partial<NewCoupon>])[] = [
  ['a user id of 129 bytes', { userId: 'u'.repeat(129) }],
  ['a user id of 128 bytes and a space', { userId: `${'u'.repeat(128)} ` }],
  ['a user id of 65 letters of two bytes', { userId: 'é'.repeat(65) }],
  ['a key that is too long', { key: 'k'.repeat(129) }],
  ['a claim id that is too long', { claimId: 'c'.repeat(65) }],
  ['a code that is too long, by spaces', { code: `${'A'.repeat(64)}   ` }],
  ['an event id of 65 bytes', { eventId: `${'e'.repeat(64)} ` }],
  ['slot 0', { slot: 0 }],
  ['a slot that no column holds', { slot: 3_000_000_000 }],
  ['nth 0', { nth: 0 }],
  ['a time that no column holds', { wonAt: 1e19 }],
];

function registerMisfits(subject: Subject): void {
  describe('a row that does not fit', () => {
    for (const [name, other] of misfits) {
      it(`by ${name} is refused, and never cut`, async (t) => {
        const { ledger } = await migrated(t, subject);
        const coupons = [couponOf(1), couponOf(2, other), couponOf(3)];
        for (const to of ['3-0', null]) {
          assert.match(refusedBy(await unchangedBy(ledger, () => ledger.issue(batchOf({ to, coupons })))), /\S/);
        }
        await issue(ledger, { to: '3-0', coupons: [couponOf(1), couponOf(3)], failures: [failureOf(2)] });
      });
    }

    it('of exactly the greatest length fits', async (t) => {
      const { ledger } = await migrated(t, subject);
      const coupon = couponOf(1, { userId: 'é'.repeat(64), key: 'k'.repeat(128), eventId: 'e'.repeat(64) });
      await issue(ledger, { coupons: [coupon] });
      assert.equal((await ledger.coupons('e'.repeat(64), 0, 1))[0]?.userId, 'é'.repeat(64));
    });

    it('of a partition or an event is trouble, and writes nothing', async (t) => {
      const { ledger } = await migrated(t, subject);
      const spec = { ...ledgerEvent(1).spec, id: 'e'.repeat(65) };
      const acts = [
        () => ledger.putEvent(ledgerEvent(1, { spec })),
        () => ledger.issue(batchOf({ events: [ledgerEvent(1, { spec })] })),
        () => ledger.issue(batchOf({ to: 'x'.repeat(256) })),
        () => ledger.issue(batchOf({ partition: 'x'.repeat(513) })),
      ];
      for (const act of acts) await unchangedBy(ledger, () => troubleOf('unavailable', act));
    });
  });
}

/** What an organiser may have added to the tables, by what it refuses a coupon of code `A…`. */
const rules: readonly (readonly [string, Readonly<Partial<Record<Subject['kind'], string>>>])[] = [
  [
    'a unique index',
    {
      mysql: 'CREATE UNIQUE INDEX own ON coupons (event_id, code)',
      postgres: 'CREATE UNIQUE INDEX own ON coupons (event_id, code)',
    },
  ],
  [
    'a check',
    {
      mysql: "ALTER TABLE coupons ADD CONSTRAINT own CHECK (user_id <> 'user-2')",
      postgres: "ALTER TABLE coupons ADD CONSTRAINT own CHECK (user_id <> 'user-2')",
    },
  ],
  [
    'a foreign key',
    {
      mysql: `CREATE TABLE known AS SELECT CAST('user-1' AS BINARY(6)) AS id UNION SELECT 'user-3';
              ALTER TABLE known MODIFY id VARBINARY(128) NOT NULL PRIMARY KEY;
              ALTER TABLE coupons ADD FOREIGN KEY (user_id) REFERENCES known (id)`,
      postgres: `CREATE TABLE known (id TEXT COLLATE "C" PRIMARY KEY); INSERT INTO known VALUES ('user-1'), ('user-3');
                 ALTER TABLE coupons ADD FOREIGN KEY (user_id) REFERENCES known (id)`,
    },
  ],
  [
    'a foreign key that is meant to wait for the commit',
    {
      postgres: `CREATE TABLE known (id TEXT COLLATE "C" PRIMARY KEY); INSERT INTO known VALUES ('user-1'), ('user-3');
                 ALTER TABLE coupons ADD FOREIGN KEY (user_id) REFERENCES known (id) DEFERRABLE INITIALLY DEFERRED`,
    },
  ],
  [
    'a trigger behind the row',
    {
      mysql: `CREATE TRIGGER own AFTER INSERT ON coupons FOR EACH ROW
              IF NEW.slot = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF`,
      postgres: `CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN IF NEW.slot = 2 THEN RAISE 'no'; END IF; RETURN NULL; END $$;
                 CREATE TRIGGER own AFTER INSERT ON coupons FOR EACH ROW EXECUTE FUNCTION own()`,
    },
  ],
];

function registerRules(subject: Subject): void {
  describe('a rule of the organiser’s own', () => {
    for (const [name, sql] of rules) {
      const own = sql[subject.kind];
      if (own === undefined) continue;
      it(`that is ${name} refuses its row, and nothing is written`, async (t) => {
        const { ledger, url } = await migrated(t, subject);
        for (const one of own.split(/;\n/)) await operate(url, one);
        const code = 'A'.repeat(16);
        const coupons = [couponOf(1, { code }), couponOf(2, { code }), couponOf(3)];
        for (const to of ['3-0', null]) {
          // No other win stands where slot 2 belongs, so that it is no conflict, which would stop the event.
          refusedBy(await unchangedBy(ledger, () => ledger.issue(batchOf({ to, coupons }))));
        }
        await issue(ledger, { to: '3-0', coupons: [couponOf(1), couponOf(3)], failures: [failureOf(2)] });
      });
    }

    it('on failed issuances never makes one vanish', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await operate(url, 'CREATE UNIQUE INDEX own ON failed_issuances (attempts)');
      const batch = batchOf({ failures: [failureOf(1), failureOf(2)] });
      await unchangedBy(ledger, () => troubleOf('unavailable', () => ledger.issue(batch)));
    });

    it('does not hide that another win stands there', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await operate(
        url,
        "INSERT INTO coupons VALUES ('drop', 2, 'mallory', 1, 'by hand', NULL, 'CODE', 1, 1), ('drop', 9, 'user-3', 1, 'by hand too', NULL, 'CODE', 1, 1)",
      );
      conflictAt(await unchangedBy(ledger, () => ledger.issue(batchOf({ coupons: couponsOf(1, 2) }))), 2);
      conflictAt(await unchangedBy(ledger, () => ledger.issue(batchOf({ coupons: [couponOf(1), couponOf(3)] }))), 3);
      await issue(ledger, { to: '5-0', coupons: [couponOf(1), couponOf(4), couponOf(5)] });
    });
  });
}

export function registerRows(subject: Subject): void {
  registerIds(subject);
  registerTexts(subject);
  registerMisfits(subject);
  registerRules(subject);
}
