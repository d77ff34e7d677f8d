/** One cycle: events, a crowd, faults at moments that the seed chooses, and the check of all that anybody was told. */
import type { HistoryEntry } from '../../../src/load/history.ts';
import type { PlannedClaim } from '../../../src/load/plan.ts';
import { runClaims } from '../../../src/load/run-claims.ts';
import { Crowd } from './crowd.ts';
import { copyFile, type Scene, strike } from './faults.ts';
import type { House } from './house.ts';
import { Organiser } from './organiser.ts';
import type { Plan } from './plan.ts';
import { Tally } from './tally.ts';
import { verdict } from './verdict.ts';

/** What a cycle came to. */
export interface CycleReport {
  readonly tally: Tally;
  /** Broken promises; empty where all were kept. */
  readonly findings: readonly string[];
}

/** Runs one cycle on a house that stands, and leaves it standing. */
export async function runCycle(house: House, plan: Plan): Promise<CycleReport> {
  const tally = new Tally();
  const findings: string[] = [];
  const organiser = new Organiser(house);
  const before: Scene = { house, tally, findings, organiser, crowd: null, specs: [] };
  if (plan.copyAt === -1) await copyFile(house);

  house.doing = 'creating';
  const created = Promise.all(plan.specs.map((spec) => organiser.create(spec)));
  if (plan.creation !== null) await strike(before, plan.creation);
  findings.push(...(await created).filter((fault) => fault !== null));

  const crowd = new Crowd({
    urls: house.apis.map(({ url }) => url),
    serviceKey: house.serviceKey,
    inFlight: plan.inFlight,
    thinkMs: plan.thinkMs,
  });
  const scene: Scene = { ...before, crowd, specs: plan.specs };
  try {
    const { history, faultAt } = await loadAndStrike(scene, crowd, plan);
    house.doing = 'asking once more';
    // Everything is healed: whoever was told nothing, or "paused", or "sold out" before places were added, asks again.
    const asked = crowd.gaveUp === null ? leftOver(history, organiser) : [];
    const last = await runClaims(asked, { client: crowd, inFlight: plan.inFlight });
    if (crowd.gaveUp !== null) findings.push(crowd.gaveUp);
    const whole = [...history, ...last.history];
    findings.push(...(await verdict(scene, whole)));
    findings.push(...house.accidents.splice(0));
    tally.claims = whole.length;
    tally.told = toldBy(history, faultAt);
    tally.resolved =
      organiser.resolved + whole.filter(({ attempts, outcome }) => attempts > 1 && outcome !== 'unknown').length;
    return { tally, findings };
  } finally {
    await crowd.close();
  }
}

/** Sends the claims while the faults of the plan happen, and gives what was told, and when the last fault struck. */
async function loadAndStrike(
  scene: Scene,
  crowd: Crowd,
  plan: Plan,
): Promise<{ readonly history: readonly HistoryEntry[]; readonly faultAt: number }> {
  const { house, organiser } = scene;
  const over = new AbortController();
  const reached = new Map<number, PromiseWithResolvers<void>>();
  const when = (answered: number): Promise<void> => {
    const wake = reached.get(answered) ?? Promise.withResolvers<void>();
    reached.set(answered, wake);
    return wake.promise;
  };
  const moments = plan.load.map(({ answered }) => when(answered));
  const copied = plan.copyAt !== null && plan.copyAt >= 0 ? when(plan.copyAt) : null;
  const onAnswer = (answered: number): void => {
    for (const [moment, wake] of reached) if (answered >= moment) wake.resolve();
  };
  if (plan.copyAt === 0) reached.get(0)?.resolve();
  house.doing = 'claiming';
  const load = runClaims(plan.claims, { client: crowd, inFlight: plan.inFlight, onAnswer });
  const acting = plan.acts ? organiser.actUntil(over.signal, plan.specs) : Promise.resolve();
  // What Redis has then is known before a strike that puts it back can be due.
  const copying = copied === null ? Promise.resolve() : Promise.race([copied, load]).then(() => copyFile(house));
  let faultAt = 0;
  const striking = (async () => {
    for (const [at, due] of plan.load.entries()) {
      await Promise.race([moments[at], load]);
      if (crowd.gaveUp !== null) return;
      if (due.blows.some(({ kind }) => kind === 'older file')) await copying;
      faultAt = performance.now();
      await strike(scene, due);
    }
  })();
  const [{ history }] = await Promise.all([load, copying]);
  over.abort();
  if (crowd.gaveUp !== null) organiser.giveUp();
  await Promise.all([striking, acting]);
  house.doing = 'issuing';
  if (plan.issuing !== null && crowd.gaveUp === null) {
    faultAt = performance.now();
    await strike(scene, plan.issuing);
  }
  return { history, faultAt };
}

/** Of each claim that was not decided for good, the same once more. */
function leftOver(history: readonly HistoryEntry[], { confirmed }: Organiser): PlannedClaim[] {
  const isOpen = ({ outcome, eventId }: HistoryEntry): boolean =>
    outcome === 'unknown' ||
    outcome === 'paused' ||
    (outcome === 'sold_out' && confirmed.get(eventId)?.raised === true);
  return history.filter(isOpen).map(({ eventId, userId, key }) => ({ eventId, userId, key }));
}

/** How many wins clients had been told by then. */
function toldBy(history: readonly HistoryEntry[], time: number): number {
  const told = history.filter(({ win, answeredAt }) => win !== null && answeredAt < time);
  return new Set(told.map(({ eventId, win }) => `${eventId} ${win?.slot ?? 0}`)).size;
}
