import type { Take } from './steps.ts';
import type { Lease, SqlOutcome, SqlValue } from './stores/database.ts';

/** One claim's way to the database: a connection of its own from its first statement on. */
export class Sql {
  readonly #take: Take;
  readonly #lease: () => Promise<Lease>;
  #leased: Lease | null = null;

  constructor(take: Take, lease: () => Promise<Lease>) {
    this.#take = take;
    this.#lease = lease;
  }

  /** The one number that a statement gives. */
  async number(text: string, ...values: readonly SqlValue[]): Promise<number> {
    const [row] = await this.rows(text, ...values);
    return Number(row?.[0]);
  }

  /** The first row that a statement gives, or none. */
  async row(text: string, ...values: readonly SqlValue[]): Promise<readonly unknown[] | undefined> {
    return (await this.rows(text, ...values))[0];
  }

  /** All rows that a statement gives. */
  async rows(text: string, ...values: readonly SqlValue[]): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await this.#query(text, values, ({ rows }) => rowsText(rows));
    return rows;
  }

  /** Runs a statement, and gives how many rows it has changed. */
  async run(text: string, ...values: readonly SqlValue[]): Promise<number> {
    const { changed } = await this.#query(text, values, ({ changed }) => `${changed} row${changed === 1 ? '' : 's'}`);
    return changed;
  }

  /** Does `body` in one transaction: commits what it has done, or takes it back where it throws. */
  async transaction<T>(body: () => Promise<T>, isolation: 'default' | 'serializable' = 'default'): Promise<T> {
    const { begin } = await this.#connection();
    for (const text of begin[isolation]) await this.#control(text);
    try {
      const value = await body();
      await this.#control('COMMIT');
      return value;
    } catch (error) {
      await this.#control('ROLLBACK');
      throw error;
    }
  }

  /** Gives the connection back. */
  async close(): Promise<void> {
    const lease = this.#leased;
    this.#leased = null;
    await lease?.release();
  }

  async #connection(): Promise<Lease> {
    this.#leased ??= await this.#lease();
    return this.#leased;
  }

  async #control(text: string): Promise<void> {
    await this.#query(text, [], () => 'done');
  }

  async #query(text: string, values: readonly SqlValue[], told: (outcome: SqlOutcome) => string): Promise<SqlOutcome> {
    const lease = await this.#connection();
    return await this.#take({ kind: 'sql', text: spelt(text, values) }, () => lease.query(text, values), told);
  }
}

const rowsText = (rows: SqlOutcome['rows']): string =>
  rows.length === 0 ? 'no row' : rows.map((row) => row.map(String).join(', ')).join('; ');

/** The statement as a person would type it. */
function spelt(text: string, values: readonly SqlValue[]): string {
  let next = 0;
  return text.replaceAll('?', () => {
    const value = values[next++];
    return typeof value === 'string' ? `'${value}'` : String(value ?? 'NULL');
  });
}
