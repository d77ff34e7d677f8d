import type { Fault } from '../sql/session.ts';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const uniqueViolation = '23505';
// 40003, that it is not known how a statement ended, is of class 40 and says the opposite.
const rolledBack = ['40000', '40001', '40002', '40P01'];
const notMigrated = ['42P01', '42703'];
// The server says goodbye, or will not talk: shutdowns, crashes, starting up, idling for too long, too many connections.
const lost = ['57P01', '57P02', '57P03', '57P05', '25P03', '53300'];
// 22: data that does not fit; 23: constraints; 44: a view's check; P0: a trigger that raises.
const rowClasses = ['22', '23', '44', 'P0'];

/** The SQLSTATE that the server gave; null where the error is none of the server's. */
export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('severity' in error)) return null;
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** What an error of a session means. */
export function faultOf(error: unknown): Fault {
  const state = sqlStateOf(error);
  if (error instanceof RolledBack) return 'rolled_back';
  if (state === null || state.startsWith('08') || lost.includes(state)) return 'lost';
  if (state === uniqueViolation) return 'key';
  if (rolledBack.includes(state)) return 'rolled_back';
  if (notMigrated.includes(state)) return 'not_migrated';
  return rowClasses.includes(state.slice(0, 2)) ? 'row' : 'other';
}

/** Thrown where the server answers a COMMIT by having rolled back. */
export class RolledBack extends Error {
  override readonly name = 'RolledBack';

  constructor() {
    super('the transaction was rolled back instead of committed');
  }
}
