import type { Circumstances } from './terms.ts';

/** Why the engine itself cannot be run so; null where it can. */
export function engineUnfit({ fault, database }: Circumstances): string | null {
  if (fault === 'duplicate-delivery')
    return 'reads its own outbox from the place that its ledger has noted, and the lab cannot reach in between: docs/proofs.md tells which tests do';
  if (fault === 'slow-db' && database === 'sqlite')
    return 'has SQLite in its own process, where a slow statement stops everything, as one of a server does not: give it MariaDB or PostgreSQL for its ledger';
  return null;
}
