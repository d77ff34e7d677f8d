/** Reads go on over connections that break, and nobody waits for what is broken. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SqlDriver, SqlSession } from '../../../src/ledgers/sql/session.ts';
import { Transactions } from '../../../src/ledgers/sql/transactions.ts';

class Broken extends Error {}

/** A connection that breaks in the midst of a call: its client library fails every later one at once, and says so only then. */
class FakeSession {
  isOpen = true;
  isBroken = false;
  calls = 0;

  async answer(): Promise<string> {
    this.calls += 1;
    // Without this bound a test that fails would never end: nothing else gets its turn.
    if (this.calls > 1_000) throw new Error('asked over and over again');
    if (this.isBroken) throw new Broken();
    return 'rows';
  }

  destroy(): void {
    this.isOpen = false;
  }

  async end(): Promise<void> {
    this.isOpen = false;
  }
}
type Session = SqlSession & FakeSession;

function makeLedger(connectionsMax: number) {
  const made: Session[] = [];
  const driver = {
    kind: 'fake',
    place: 'nowhere',
    async open() {
      const session = new FakeSession() as unknown as Session;
      made.push(session);
      return session;
    },
    faultOf: (error: unknown) => (error instanceof Broken ? 'lost' : 'other'),
    migrations: [],
    migrate: async () => [],
  } satisfies SqlDriver<Session>;
  return { transactions: new Transactions(driver, { connectionsMax, timeoutMs: 1_000 }), made };
}

it('a connection that breaks in use is not given out again, whether or not it is known to be broken yet', async () => {
  const { transactions, made } = makeLedger(1);
  const read = () => transactions.read((session) => session.answer());
  assert.equal(await read(), 'rows');
  const [first] = made as [Session];
  first.isBroken = true;
  // As many as wait for the one connection there may be.
  assert.deepEqual(await Promise.all([read(), read(), read()]), ['rows', 'rows', 'rows']);
  assert.deepEqual([first.calls, first.isOpen, made.length], [2, false, 2]);
});
