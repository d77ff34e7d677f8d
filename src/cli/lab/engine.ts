import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateLedger, openDibs, usable } from '../../compose.ts';
import { configFromOptions } from '../../config.ts';
import type { IssuedWin } from '../../core/history.ts';
import type { Dibs } from '../../engine/dibs.ts';
import { systemClock } from '../../lib/system-clock.ts';
import type { EngineAnswer, EnginePlan, LabEngine } from '../../lab/engine.ts';

const pollMs = 5;
const patienceMs = 30_000;

/** The engine as everybody gets it by `openDibs`, for one process of a run. */
export async function openLabEngine(plan: EnginePlan): Promise<LabEngine> {
  const { eventId, capacity, isFirst } = plan;
  await mkdir(plan.folder, { recursive: true });
  let batches = 0;
  const observer = { admitted: () => void (batches += 1) };
  const options = optionsOf(plan);
  if (isFirst) await migrateLedger(usable(configFromOptions(options)));
  const dibs = await openDibs({ ...options, observer, onAlarm: () => undefined });
  if (isFirst) await dibs.createEvent({ id: eventId, name: 'Race lab', capacity });
  return {
    claim: (userId) => claim(dibs, eventId, userId),
    coupons: () => settled(dibs, eventId),
    issued: async () => (await dibs.audit(eventId)).issued,
    batches: () => batches,
    close: () => dibs.close(),
  };
}

function optionsOf({ gate, redisUrl, databaseUrl, folder, secret }: EnginePlan) {
  return {
    data: folder,
    codeSecret: secret,
    gate: gate === 'redis' ? (redisUrl ?? '') : `sqlite:${join(folder, 'gate.db')}`,
    ledger: databaseUrl ?? `sqlite:${join(folder, 'ledger.db')}`,
  };
}

async function claim(dibs: Dibs, eventId: string, userId: string): Promise<EngineAnswer> {
  const decision = await dibs.claim({ eventId, userId });
  if (decision.outcome === 'rejected')
    return { answer: decision.reason === 'sold_out' ? 'sold-out' : 'busy', win: null };
  const { slot, nth, id } = decision.claim;
  return { answer: decision.replayed ? 'already' : 'won', win: { slot, nth, claimId: id } };
}

/** All coupons once nothing waits to be issued. */
async function settled(dibs: Dibs, eventId: string): ReturnType<LabEngine['coupons']> {
  const until = performance.now() + patienceMs;
  while ((await dibs.audit(eventId)).unissued > 0 && performance.now() < until) await systemClock.sleep(pollMs);
  const coupons: IssuedWin[] = [];
  let lastCouponAt = 0;
  for (let cursor: string | null = null; ; ) {
    const page = await dibs.listCoupons(eventId, cursor === null ? {} : { cursor });
    for (const { slot, userId, nth, claimId, code, issuedAt } of page.items) {
      coupons.push({ slot, userId, nth, claimId, code });
      lastCouponAt = Math.max(lastCouponAt, issuedAt.getTime());
    }
    cursor = page.nextCursor;
    if (cursor === null) return { coupons, lastCouponAt };
  }
}
