import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateLedger, openDibs, usable } from '../../compose.ts';
import { configFromOptions } from '../../config.ts';
import { DibsError } from '../../core/errors.ts';
import type { IssuedWin } from '../../core/history.ts';
import type { Dibs } from '../../engine/dibs.ts';
import type { Page, PageQuery } from '../../engine/views.ts';
import { systemClock } from '../../lib/system-clock.ts';
import { type EngineAnswer, type EnginePlan, EngineUnfit, type LabEngine } from '../../lab/engine.ts';

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
  const dibs = await openDibs({ ...options, observer, onAlarm: () => undefined }).catch((error: unknown) => {
    if (error instanceof DibsError && error.code === 'store_unfit') throw new EngineUnfit(error.message);
    throw error;
  });
  if (isFirst) await dibs.createEvent({ id: eventId, name: 'Race lab', capacity });
  return {
    claim: (userId) => claim(dibs, eventId, userId),
    coupons: () => couponsOf(dibs, eventId),
    reissue: () => reissueAll(dibs, eventId),
    issued: async () => (await dibs.audit(eventId)).issued,
    batches: () => batches,
    close: () => dibs.close(),
  };
}

function optionsOf({ gate, redisUrl, database, databaseUrl, folder, secret }: EnginePlan) {
  return {
    data: folder,
    codeSecret: secret,
    gate: gate === 'redis' ? (redisUrl ?? '') : `sqlite:${join(folder, 'gate.db')}`,
    ledger: database === 'sqlite' ? `sqlite:${databaseUrl}` : databaseUrl,
  };
}

async function claim(dibs: Dibs, eventId: string, userId: string): Promise<EngineAnswer> {
  const decision = await dibs.claim({ eventId, userId });
  if (decision.outcome === 'rejected')
    return { answer: decision.reason === 'sold_out' ? 'sold-out' : 'busy', win: null };
  const { slot, nth, id } = decision.claim;
  return { answer: decision.replayed ? 'already' : 'won', win: { slot, nth, claimId: id } };
}

/** Resolves once nothing waits to be issued; throws where nothing has been issued for too long. */
async function settled(dibs: Dibs, eventId: string): Promise<void> {
  let waiting = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  for (;;) {
    const { unissued } = await dibs.audit(eventId);
    if (unissued === 0) return;
    if (unissued < waiting) movedAt = performance.now();
    if (performance.now() - movedAt > patienceMs)
      throw new Error(`the engine has left ${unissued} wins unissued for ${patienceMs / 1000} s`);
    waiting = unissued;
    await systemClock.sleep(pollMs);
  }
}

async function couponsOf(dibs: Dibs, eventId: string): ReturnType<LabEngine['coupons']> {
  await settled(dibs, eventId);
  const coupons: IssuedWin[] = [];
  let lastCouponAt = 0;
  for await (const { slot, userId, nth, claimId, code, issuedAt } of paged((cursor) =>
    dibs.listCoupons(eventId, cursor),
  )) {
    coupons.push({ slot, userId, nth, claimId, code });
    lastCouponAt = Math.max(lastCouponAt, issuedAt.getTime());
  }
  return { coupons, lastCouponAt };
}

/** As `dibs failed reissue` does, one after another. The engine does it by itself too, after a second and then ever more rarely. */
async function reissueAll(dibs: Dibs, eventId: string): Promise<number> {
  await settled(dibs, eventId);
  let count = 0;
  for await (const { id, state } of paged((cursor) => dibs.listFailedIssuances(cursor))) {
    count += 1;
    if (state === 'waiting') await dibs.reissue(id);
  }
  return count;
}

/** All items of a list that comes in pages. */
async function* paged<T>(pageAt: (query: PageQuery) => Promise<Page<T>>): AsyncGenerator<T> {
  for (let cursor: string | null = null; ; ) {
    const page: Page<T> = await pageAt(cursor === null ? {} : { cursor });
    yield* page.items;
    cursor = page.nextCursor;
    if (cursor === null) return;
  }
}
