import type { Sql } from './sql.ts';
import type { DatabaseName, FaultName } from './terms.ts';

/** What is done to the table of coupons, and what takes it away again. */
interface LedgerFault {
  readonly plant: string;
  readonly lift: string;
}

const refusal = {
  plant: 'ALTER TABLE coupons ADD CONSTRAINT lab_fault CHECK (slot % 10 <> 1)',
  lift: 'ALTER TABLE coupons DROP CONSTRAINT lab_fault',
};

// The engine sends its inserts itself, up to 500 coupons in one statement, so that the fault has to sit in the database. Every
// hundredth coupon is slow and not every tenth: a statement of 500 would take 50 s, and an engine gives one up after 7.
const faults: Readonly<Record<DatabaseName, Partial<Record<FaultName, LedgerFault>>>> = {
  sqlite: {
    'db-error': {
      plant: `CREATE TRIGGER lab_fault BEFORE INSERT ON coupons WHEN NEW.slot % 10 = 1
        BEGIN SELECT RAISE(ABORT, 'refused by the lab'); END`,
      lift: 'DROP TRIGGER lab_fault',
    },
  },
  mariadb: {
    'db-error': refusal,
    'slow-db': {
      plant:
        'CREATE TRIGGER lab_fault BEFORE INSERT ON coupons FOR EACH ROW SET @lab = IF(NEW.slot % 100 = 1, SLEEP(1), 0)',
      lift: 'DROP TRIGGER lab_fault',
    },
  },
  postgres: {
    'db-error': refusal,
    'slow-db': {
      plant: 'ALTER TABLE coupons ADD CONSTRAINT lab_fault CHECK (slot % 100 <> 1 OR pg_sleep(1) IS NOT NULL)',
      lift: 'ALTER TABLE coupons DROP CONSTRAINT lab_fault',
    },
  },
};

/** A fault that sits in the database of an engine's ledger. */
export interface PlantedFault {
  /** Whether it strikes the coupon of a slot. */
  readonly strikes: (slot: number) => boolean;
  readonly lift: () => Promise<void>;
}

/** Has the ledger of an engine fail, from beneath; null where there is no such fault. */
export async function plantLedgerFault(
  sql: Sql,
  { database, fault }: { readonly database: DatabaseName; readonly fault: FaultName | null },
): Promise<PlantedFault | null> {
  const planted = fault === null ? undefined : faults[database][fault];
  if (planted === undefined) return null;
  await sql.run(planted.plant);
  const every = fault === 'slow-db' ? 100 : 10;
  return { strikes: (slot) => slot % every === 1, lift: async () => void (await sql.run(planted.lift)) };
}
