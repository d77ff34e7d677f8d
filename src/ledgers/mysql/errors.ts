import type { Fault } from '../sql/session.ts';

// https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html, https://mariadb.com/kb/en/mariadb-error-codes/
const numbers = {
  duplicate: [1062, 1586],
  rolledBack: [1213, 1614],
  notMigrated: [1146, 1054],
  // The server says goodbye, or will not talk: shut down, killed, too many connections, idling for too long.
  lost: [1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1927, 3169, 4031],
  // Refusals of a row without an SQLSTATE that says so: no default, a wrong value, no partition for it, a trigger's own,
  // a check constraint of MySQL and of MariaDB.
  row: [1048, 1264, 1265, 1292, 1364, 1366, 1406, 1526, 1643, 1644, 1690, 1748, 3819, 4025],
} as const;
// 22: data that does not fit; 23: constraints; 44: a view's check; 45: a trigger that signals.
const rowClasses = ['22', '23', '44', '45'];

interface ServerError {
  readonly errno: number;
  readonly sqlState: string;
}

/** The error as the server gave it; null where it is none of the server's. */
export function serverErrorOf(error: unknown): ServerError | null {
  if (!(error instanceof Error) || !('errno' in error) || !('sqlState' in error)) return null;
  const { errno, sqlState } = error;
  return typeof errno === 'number' && typeof sqlState === 'string' ? { errno, sqlState } : null;
}

/** What an error of a session means. */
export function faultOf(error: unknown): Fault {
  const given = serverErrorOf(error);
  const is = (kind: keyof typeof numbers): boolean => (numbers[kind] as readonly number[]).includes(given?.errno ?? 0);
  if (given === null || given.sqlState.startsWith('08') || is('lost')) return 'lost';
  if (is('duplicate')) return 'key';
  if (is('rolledBack')) return 'rolled_back';
  if (is('notMigrated')) return 'not_migrated';
  return is('row') || rowClasses.includes(given.sqlState.slice(0, 2)) ? 'row' : 'other';
}
