import type { Circumstances } from './terms.ts';

/** What whoever counts does about rows that another has locked: wait for them, give up, or leave them out. */
export const lockVariants = ['wait', 'nowait', 'skip-locked'] as const;

const clauses: Readonly<Record<string, string>> = { wait: '', nowait: ' NOWAIT', 'skip-locked': ' SKIP LOCKED' };

/** What a locking clause ends with. */
export const clauseOf = (variant: string | null): string => clauses[variant ?? ''] ?? '';

/** SQLite has no rows to lock; what a strategy of row locks says there. */
export const noRowLocks = ({ database }: Circumstances): string | null =>
  database === 'sqlite'
    ? 'locks rows, and SQLite has no row locks, only one lock on the whole file: give it MariaDB or PostgreSQL'
    : null;
