/**
 * A gate that several processes share: the model, its store read from one file before each call and written back behind it.
 * Under one transaction it is whole; without (`?torn`) two processes read the same and both write, as a gate does that reads
 * first and writes then. Run as a process by the race tests.
 */
import { Buffer } from 'node:buffer';
import { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import type { Gate } from '../../src/core/gate.ts';
import { systemClock } from '../../src/lib/system-clock.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { serveRemote } from '../../src/testing/remote.ts';

function openSharedGate(at: string): Gate {
  const [path = '', fault] = at.split('?');
  const db = new DatabaseSync(path, { timeout: 60_000 });
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY, value BLOB)',
  );
  const read = db.prepare('SELECT value FROM store WHERE id = 1');
  const write = db.prepare('INSERT OR REPLACE INTO store (id, value) VALUES (1, ?)');
  const store: ModelStore = new Map();
  const gate = openModelGate(systemClock, store);
  // One call at a time in this process; the model answers without waiting for anything, so that none is long.
  let last: Promise<unknown> = Promise.resolve();
  const alone = <T>(act: () => Promise<T>): Promise<T> => {
    const next = last.then(async () => {
      if (fault === undefined) db.exec('BEGIN IMMEDIATE');
      const value = read.get()?.['value'] as Uint8Array | undefined;
      store.clear();
      for (const [id, entry] of value === undefined ? [] : (deserialize(Buffer.from(value)) as ModelStore))
        store.set(id, entry);
      const answer = await act();
      write.run(serialize(store));
      if (fault === undefined) db.exec('COMMIT');
      return answer;
    });
    last = next.catch(() => undefined);
    return next;
  };
  return wrapGate(gate, {
    create: (spec) => alone(() => gate.create(spec)),
    admit: (eventId, requests) => alone(() => gate.admit(eventId, requests)),
    events: (eventIds) => alone(() => gate.events(eventIds)),
    wins: (eventId, after, limit) => alone(() => gate.wins(eventId, after, limit)),
    outbox: (eventId, after, winsMax) => alone(() => gate.outbox(eventId, after, winsMax)),
    close: async () => db.close(),
  });
}

await serveRemote(async (at) => openSharedGate(at));
