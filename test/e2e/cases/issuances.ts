/** What the cases of issuing share. */
import assert from 'node:assert/strict';
import { type History, checkHistory, type IssuedWin } from '../../../src/core/history.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import type { LedgerAccess } from '../ledger-access.ts';
import type { Body, Front } from '../server.ts';
import type { Cleanup } from '../site.ts';
import { slotsOf, upTo } from '../tallies.ts';

/** A failed issuance as the API shows it. */
export interface Failed {
  readonly id: number;
  readonly eventId: string | null;
  readonly slot: number;
  readonly userId: string;
  readonly error: string;
  readonly attempts: number;
  readonly state: string;
}

/** Those of an event that are in this state. */
export async function failedOnes(front: Front, eventId: string, state = 'waiting'): Promise<readonly Failed[]> {
  const { body } = await front.call('GET', `/v1/failed-issuances?state=${state}&limit=1000`);
  return ((body.items ?? []) as readonly Failed[]).filter((one) => one.eventId === eventId);
}

/** As `LedgerAccess.refuse`, called off with the test at the latest. */
export async function refuse(
  t: Cleanup,
  ledger: LedgerAccess,
  condition: Parameters<LedgerAccess['refuse']>[0],
): Promise<() => Promise<void>> {
  const callOff = await ledger.refuse(condition);
  t.after(callOff);
  return callOff;
}

/** As `LedgerAccess.lock`, called off with the test at the latest. */
export async function lock(t: Cleanup, ledger: LedgerAccess): Promise<() => Promise<void>> {
  let callOff: (() => Promise<void>) | null = await ledger.lock();
  const once = async () => {
    const act = callOff;
    callOff = null;
    await act?.();
  };
  t.after(once);
  return once;
}

/** One claim each of users 1 to n, or of those from another number on. */
export const users = (n: number, eventId: string, from = 1) =>
  upTo(n)
    .slice(from - 1)
    .map((i) => ({ eventId, userId: `user-${i}`, key: null }));

export const totals = ({ ok, won, issued, failed, discarded }: Body) => ({ ok, won, issued, failed, discarded });

/** All wins that the clients were told, against the coupons of an event that is sold out. */
export async function complete(
  front: Front,
  spec: History['spec'],
  history: readonly HistoryEntry[],
): Promise<readonly IssuedWin[]> {
  const { ok, issued, findings } = await front.settled(spec.id);
  assert.deepEqual({ ok, issued, findings }, { ok: true, issued: spec.capacity, findings: [] });
  const coupons = await front.coupons(spec.id);
  assert.deepEqual(slotsOf(coupons), upTo(spec.capacity));
  assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
  return coupons;
}
