/**
 * A canary, loaded before a server: the issuer says of one coupon in fifty that it is written, and it is not. The kill loop
 * must find it out.
 */
import { type StatementResultingChanges, StatementSync } from 'node:sqlite';

const run = StatementSync.prototype.run as (...values: unknown[]) => StatementResultingChanges;

StatementSync.prototype.run = function (this: StatementSync, ...values: unknown[]): StatementResultingChanges {
  const [, slot] = values;
  const skipped = this.sourceSQL.includes('INSERT INTO coupons') && typeof slot === 'number' && slot % 50 === 7;
  return skipped ? { changes: 1, lastInsertRowid: 0 } : run.apply(this, values);
};
