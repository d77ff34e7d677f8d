import { isUserId } from '../core/claim.ts';
import type { FailedIssuance } from '../core/coupon.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger } from '../core/ledger.ts';
import { type LogRecord, parseRecord } from '../core/record.ts';
import { sameWin, type Win } from '../core/win.ts';

/** The stores by which a kept record is judged. */
export interface JudgingStores {
  readonly gate: Pick<Gate, 'events' | 'wins' | 'winsOfUser'>;
  readonly ledger: Pick<Ledger, 'event' | 'coupons' | 'couponsBySlot' | 'failuresBySlot'>;
}

const pageSize = 1_000;

/**
 * Whether the gate, which decides who wins, has given out this very win; null where it cannot tell. That it does not name the
 * win proves nothing by itself, since it may have lost some: it must have given the slot to another, or not have come so far.
 */
export async function isWonInGate(stores: JudgingStores, eventId: string, win: Win): Promise<boolean | null> {
  const { gate, ledger } = stores;
  const { slot } = win;
  if (await hasWin(gate, eventId, win)) return true;
  const [next] = await gate.wins(eventId, slot - 1, 1);
  const others: readonly (Win | null | undefined)[] = [
    next?.slot === slot ? next : null,
    ...(await ledger.couponsBySlot(eventId, [slot])),
    ...(await ledger.failuresBySlot(eventId, [slot])).map(keptWinOf),
  ];
  for (const other of others)
    if (other != null && !sameWin(other, win) && (await hasWin(gate, eventId, other))) return false;
  return (await isAhead(stores, eventId, slot)) ? false : null;
}

/** Whether a slot is one that the gate has not come to; never where the gate may be an older copy of itself. */
async function isAhead({ gate, ledger }: JudgingStores, eventId: string, slot: number): Promise<boolean> {
  const kept = await ledger.event(eventId);
  const [event] = await gate.events([eventId]);
  if (event == null || event.fenced === true || slot <= event.won || event.revision < (kept?.revision ?? 0))
    return false;
  return (await ledger.coupons(eventId, event.won, 1)).length === 0;
}

async function hasWin(gate: JudgingStores['gate'], eventId: string, win: Win): Promise<boolean> {
  // Of what no gate takes for a user, none is asked.
  if (!isUserId(win.userId)) return false;
  return (await gate.winsOfUser(eventId, win.userId)).some((own) => sameWin(own, win));
}

/** The win that a failed issuance of an event keeps; null where it keeps none that can be read. */
export function keptWinOf({ eventId, record: raw }: Pick<FailedIssuance, 'eventId' | 'record'>): Win | null {
  const record = eventId === null ? null : parseRecord(raw);
  return record?.type === 'wins' && record.eventId === eventId ? (record.wins[0] ?? null) : null;
}

/** A win in words. */
export const nameOf = ({ claimId, userId, key }: Win): string =>
  `${claimId} of ${userId}${key === null ? '' : ` (${key})`}`;

/** What the failed issuances of an event say that is no matter of a slot which they hold. */
export interface KeptAside {
  /** Records that name a win which the gate has not given out, and that nobody has discarded yet. */
  readonly unexplained: readonly { readonly failure: FailedIssuance; readonly win: Win }[];
  /** Wins of such records that an operator has discarded, each by `winText`. */
  readonly explained: ReadonlySet<string>;
  /** Slots of wins of the gate that wait without holding their slot, because another record was kept there first. */
  readonly strays: ReadonlySet<number>;
}

/** Looks through the failed issuances of an event, of whose wins `wins` are those that the gate has by slot. */
export async function keptAsideOf(
  stores: JudgingStores & { readonly ledger: Ledger },
  eventId: string,
  wins: ReadonlyMap<number, Win>,
): Promise<KeptAside> {
  const { ledger } = stores;
  const unexplained: { failure: FailedIssuance; win: Win }[] = [];
  const explained = new Set<string>();
  const strays = new Set<number>();
  for await (const failure of failuresIn(ledger, eventId)) {
    const win = failure.state === 'reissued' ? null : keptWinOf(failure);
    if (win === null) continue;
    const own = wins.get(win.slot);
    const isWon = own === undefined ? await isWonInGate(stores, eventId, win) : sameWin(own, win);
    if (isWon === false && failure.state === 'waiting') unexplained.push({ failure, win });
    if (isWon === false && failure.state === 'discarded') explained.add(winText(win));
    if (
      isWon === true &&
      failure.state === 'waiting' &&
      failure.slot === null &&
      (await isVacant(ledger, eventId, win))
    )
      strays.add(win.slot);
  }
  return { unexplained, explained, strays };
}

async function isVacant(ledger: Ledger, eventId: string, { slot }: Win): Promise<boolean> {
  const failures = await ledger.failuresBySlot(eventId, [slot]);
  return failures.length === 0 && (await ledger.couponsBySlot(eventId, [slot])).length === 0;
}

/** All failed issuances of an event, in order of their ids. */
export async function* failuresIn(ledger: Pick<Ledger, 'failures'>, eventId: string): AsyncGenerator<FailedIssuance> {
  for (let afterId = 0; ; ) {
    const page = await ledger.failures({ eventId, afterId, limit: pageSize });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    afterId = last.id;
  }
}

/** All there is to a win, as a text to compare by. */
export const winText = ({ slot, userId, nth, claimId, key, wonAt }: Win): string =>
  JSON.stringify([slot, userId, nth, claimId, key, wonAt]);

/** A record without the wins that an operator has explained; null where none is left. */
export function withoutExplained<One extends LogRecord>(record: One, explained: ReadonlySet<string>): One | null {
  if (record.type !== 'wins' || explained.size === 0) return record;
  const wins = record.wins.filter((win) => !explained.has(winText(win)));
  if (wins.length === record.wins.length) return record;
  return wins.length === 0 ? null : { ...record, wins };
}
