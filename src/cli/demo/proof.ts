import { checkHistory, type IssuedWin } from '../../core/history.ts';
import type { Finding } from '../../core/invariants.ts';
import type { ClaimRun } from '../../load/run-claims.ts';
import type { ShownAudit } from '../commands/audit.ts';

/** Latency in microseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What a demo has shown; also what `--json` prints. */
export interface Proof {
  readonly ok: boolean;
  readonly eventId: string;
  readonly seed: number;
  readonly capacity: number;
  readonly users: number;
  readonly requests: number;
  /** Different places that clients were told they have won. */
  readonly won: number;
  readonly issued: number;
  /** Coupons beyond the capacity. */
  readonly over: number;
  /** Users with two coupons. */
  readonly duplicates: number;
  /** Wins that were answered and have no coupon of that slot and user. */
  readonly lost: number;
  readonly replayed: number;
  readonly soldOut: number;
  /** Claims that were left without an answer. */
  readonly unknown: number;
  /** Attempts beyond the first, after trouble. */
  readonly retries: number;
  readonly seconds: number;
  readonly claimsPerSecond: number;
  readonly inFlight: number;
  readonly latencyMicros: Percentiles;
  readonly audit: ShownAudit;
  readonly findings: readonly Finding[];
}

/** All that a proof is made of. */
export interface Evidence {
  readonly eventId: string;
  readonly seed: number;
  readonly capacity: number;
  readonly users: number;
  readonly inFlight: number;
  readonly run: ClaimRun;
  readonly coupons: readonly IssuedWin[];
  readonly audit: ShownAudit;
}

/** Holds what the clients were told against what the ledger has. */
export function prove(evidence: Evidence): Proof {
  const { eventId, capacity, users, run, coupons, audit } = evidence;
  const { history, latency, seconds } = run;
  const bySlot = new Map(coupons.map((coupon) => [coupon.slot, coupon]));
  const told = new Map(history.flatMap(({ userId, win }) => (win === null ? [] : [[win.slot, { ...win, userId }]])));
  const lost = [...told.values()].filter(({ slot, userId, claimId }) => {
    const coupon = bySlot.get(slot);
    return coupon?.userId !== userId || coupon.claimId !== claimId;
  });
  const findings = checkHistory({
    spec: { id: eventId, capacity, limitPerUser: 1 },
    history,
    coupons,
    isWhole: true,
  });
  const times = (outcome: string): number => history.filter((entry) => entry.outcome === outcome).length;
  const counts = {
    won: told.size,
    issued: coupons.length,
    over: Math.max(0, coupons.length - capacity),
    duplicates: duplicatesOf(coupons),
    lost: lost.length,
    unknown: times('unknown'),
  };
  const expected = Math.min(capacity, users);
  const isWhole = counts.won === expected && counts.issued === expected && counts.unknown === 0;
  const isClean = findings.length === 0 && counts.over + counts.duplicates + counts.lost === 0;
  const { eventId: _, run: __, coupons: ___, ...given } = { ...evidence };
  return {
    ok: isWhole && isClean && audit.ok && audit.unissued === 0,
    eventId,
    ...given,
    ...counts,
    requests: history.length,
    replayed: times('replayed'),
    soldOut: times('sold_out'),
    retries: history.reduce((sum, { attempts }) => sum + attempts - 1, 0),
    seconds: Number(seconds.toFixed(3)),
    claimsPerSecond: Math.round(history.length / seconds),
    latencyMicros: {
      p50: latency.getValueAtPercentile(50),
      p90: latency.getValueAtPercentile(90),
      p99: latency.getValueAtPercentile(99),
      p999: latency.getValueAtPercentile(99.9),
      max: latency.maxValue,
    },
    findings,
  };
}

function duplicatesOf(coupons: readonly IssuedWin[]): number {
  const perUser = new Map<string, number>();
  for (const { userId } of coupons) perUser.set(userId, (perUser.get(userId) ?? 0) + 1);
  return [...perUser.values()].filter((held) => held > 1).length;
}
