/** The ledger's file as a tool beside the server sees it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another connection to the ledger, as a tool of an operator would have one. */
export function withLedger(data: string, act: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(data, 'ledger.db'), { timeout: 5_000 });
  try {
    act(db);
  } finally {
    db.close();
  }
}

/** Holds the ledger's write lock until it is released. */
export function lockLedger(data: string): { release(): void } {
  const db = new DatabaseSync(join(data, 'ledger.db'), { timeout: 5_000 });
  db.exec('BEGIN EXCLUSIVE');
  return {
    release() {
      if (db.isOpen) db.close();
    },
  };
}
