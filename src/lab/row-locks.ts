import type { Circumstances, Lesson } from './terms.ts';

/** What whoever counts does about rows that another has locked: wait for them, give up, or leave them out. */
export const lockVariants = ['wait', 'nowait', 'skip-locked'] as const;

const clauses: Readonly<Record<string, string>> = { wait: '', nowait: ' NOWAIT', 'skip-locked': ' SKIP LOCKED' };

/** What a locking clause ends with. */
export const clauseOf = (variant: string | null): string => clauses[variant ?? ''] ?? '';

/** SQLite has no rows to lock; what a strategy of row locks says there. */
export const noRowLocks = ({ database }: Circumstances): Lesson | null =>
  database === 'sqlite'
    ? {
        en: 'locks rows, and SQLite has no row locks, only one lock on the whole file: give it MariaDB or PostgreSQL',
        ko: '행을 잠그는데 SQLite에는 행 락이 없고 파일 전체에 락 하나뿐이다: MariaDB나 PostgreSQL로 돌린다',
      }
    : null;
