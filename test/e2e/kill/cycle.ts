/** One cycle: events, a crowd, kills at moments that the seed chooses, and the check of all that anybody was told. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { checkHistory } from '../../../src/core/history.ts';
import { createClaimClient } from '../../../src/load/claim-client.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { type PlannedClaim, seededRandom } from '../../../src/load/plan.ts';
import { runClaims } from '../../../src/load/run-claims.ts';
import { until } from '../server.ts';
import { upTo } from '../tallies.ts';
import type { House } from './house.ts';
import { Organiser } from './organiser.ts';

/** What a cycle came to. */
export interface CycleReport {
  /** Where the kills struck. */
  readonly kills: Readonly<Record<Moment, number>>;
  readonly claims: number;
  /** Wins that clients had been told before a kill. */
  readonly ackedBeforeKill: number;
  /** Claims and acts that had no answer at first, and an answer in the end. */
  readonly resolved: number;
  readonly restartMillis: readonly number[];
  /** Broken promises; empty where all were kept. */
  readonly findings: readonly string[];
}

export type Moment = 'start' | 'creation' | 'load' | 'issuing';

interface Plan {
  readonly specs: readonly { readonly id: string; readonly capacity: number; readonly limitPerUser: number }[];
  readonly claims: readonly PlannedClaim[];
  readonly inFlight: number;
  readonly killsAtStart: readonly number[];
  /** Kill while the events are created, so many milliseconds after it has begun. */
  readonly killInCreation: number | null;
  /** Kill once so many claims have been answered, and a moment has passed. */
  readonly killsInLoad: readonly { readonly answered: number; readonly delayMs: number }[];
  /** Kill so many milliseconds after the last claim was answered. */
  readonly killInIssuing: number | null;
  /** The organiser pauses, resumes and raises while the crowd is there. */
  readonly acts: boolean;
  readonly flags: readonly string[];
}

export function planCycle(seed: number, cycle: number): Plan {
  const random = seededRandom(seed * 1_000_003 + cycle);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const chance = (share: number) => random() < share;
  const specs = [
    { id: `cycle-${cycle}-one`, capacity: between(30, 400), limitPerUser: 1 },
    { id: `cycle-${cycle}-three`, capacity: between(60, 500), limitPerUser: 3 },
  ];
  const claims = specs.flatMap(({ id, capacity, limitPerUser }) => {
    // From a crowd that leaves places over to one that is twice too large; each third claim is sent twice.
    const wanted = Math.ceil(capacity * (0.6 + 1.4 * random()));
    return upTo(wanted).flatMap((n): PlannedClaim[] => {
      const userId = `user-${limitPerUser === 1 ? n : between(1, Math.ceil(wanted / 2))}`;
      const claim = { eventId: id, userId, key: limitPerUser === 1 && chance(0.5) ? null : `click-${n}` };
      return chance(1 / 3) ? [claim, claim] : [claim];
    });
  });
  for (let i = claims.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [claims[i], claims[j]] = [claims[j] as PlannedClaim, claims[i] as PlannedClaim];
  }
  return {
    specs,
    claims,
    inFlight: between(4, 48),
    killsAtStart: chance(0.5) ? upTo(between(1, 2)).map(() => between(0, 700)) : [],
    killInCreation: chance(0.3) ? between(0, 15) : null,
    killsInLoad: upTo(between(1, 2))
      .map(() => ({ answered: between(1, claims.length - 1), delayMs: between(0, 12) }))
      .sort((a, b) => a.answered - b.answered),
    killInIssuing: chance(0.6) ? between(0, 60) : null,
    acts: chance(0.5),
    // Slow enough that a backlog stands when the last claim is answered.
    flags: chance(0.4) ? ['--issue-rate', `${between(300, 2_000)}/s`] : [],
  };
}

/** Runs one cycle on a house whose server does not run, and leaves it so. */
export async function runCycle(house: House, plan: Plan, signal: AbortSignal): Promise<CycleReport> {
  const findings: string[] = [];
  const kills: Record<Moment, number> = { start: 0, creation: 0, load: 0, issuing: 0 };
  const startsBefore = house.starts.length;
  const organiser = new Organiser(house, signal);
  house.flags = plan.flags;
  for (const afterMs of plan.killsAtStart) {
    await house.startAndKill(afterMs);
    kills.start += 1;
  }
  await house.start();
  const restart = async (moment: Moment) => {
    await house.kill();
    kills[moment] += 1;
    await house.start();
  };

  const created = Promise.all(
    plan.specs.map((spec) => organiser.act({ method: 'POST', path: '/v1/events', body: { name: 'Killed', ...spec } })),
  );
  if (plan.killInCreation !== null) {
    await pause(plan.killInCreation);
    await restart('creation');
  }
  for (const answer of await created) {
    if (answer === null || answer.status >= 300) findings.push(`a creation was answered ${answer?.status ?? 'never'}`);
  }

  const { history, acts } = await loadAndKill(house, plan, organiser, signal, () => restart('load'));
  if (plan.killInIssuing !== null) {
    await pause(plan.killInIssuing);
    await restart('issuing');
  }
  const lastKill = house.kills.at(-1) ?? 0;
  if (!signal.aborted) findings.push(...(await verdict(house, plan, history, acts, signal)));
  findings.push(...house.accidents.splice(0));
  await house.kill();
  const restarts = house.starts.slice(startsBefore).filter(({ afterKill }) => afterKill);
  return {
    kills,
    claims: history.length,
    ackedBeforeKill: toldBy(history, lastKill),
    resolved:
      organiser.resolved + history.filter(({ attempts, outcome }) => attempts > 1 && outcome !== 'unknown').length,
    restartMillis: restarts.map(({ millis }) => millis),
    findings,
  };
}

/** How many wins clients had been told by then. */
function toldBy(history: readonly HistoryEntry[], time: number): number {
  const told = history.filter(({ win, answeredAt }) => win !== null && answeredAt < time);
  return new Set(told.map(({ eventId, win }) => `${eventId} ${win?.slot ?? 0}`)).size;
}

/** What the organiser was told of an event last. */
interface Confirmed {
  capacity: number;
  revision: number;
  raised: boolean;
}

async function loadAndKill(
  house: House,
  plan: Plan,
  organiser: Organiser,
  signal: AbortSignal,
  restart: () => Promise<void>,
): Promise<{ readonly history: readonly HistoryEntry[]; readonly acts: ReadonlyMap<string, Confirmed> }> {
  const { serviceKey } = house.server;
  const giveUp = new AbortController();
  const client = createClaimClient({ url: house.url, serviceKey, connections: plan.inFlight, giveUpAfterMs: 30_000 });
  signal.addEventListener('abort', () => void client.close(), { once: true });
  const due = [...plan.killsInLoad];
  const wakes = due.map(() => Promise.withResolvers<void>());
  const onAnswer = (answered: number) => {
    for (const [index, kill] of due.entries()) if (answered >= kill.answered) wakes[index]?.resolve();
  };
  const acts = new Map<string, Confirmed>();
  const load = runClaims(plan.claims, { client, inFlight: plan.inFlight, onAnswer, signal: giveUp.signal });
  const killing = (async () => {
    for (const [index, { promise }] of wakes.entries()) {
      await Promise.race([promise, load]);
      await pause(due[index]?.delayMs);
      if (signal.aborted) return;
      await restart();
      // A gate that is behind its ledger refuses everything from now on: no use in asking on and on.
      if (!(await isBehind(house, plan))) continue;
      giveUp.abort();
      organiser.giveUp();
      await client.close();
    }
  })();
  const acting = plan.acts ? actWhile(plan, organiser, acts, load, giveUp.signal) : Promise.resolve();
  try {
    const [{ history }] = await Promise.all([load, killing, acting]);
    return { history, acts };
  } finally {
    await client.close();
  }
}

async function isBehind({ server }: House, { specs }: Plan): Promise<boolean> {
  const views = await Promise.all(specs.map(({ id }) => server.call('GET', `/v1/events/${id}`)));
  return views.some(({ body }) => body['state'] === 'recovering');
}

/** Pauses, resumes and raises by turns as long as the crowd is there; in the end everything is open. */
async function actWhile(
  plan: Plan,
  organiser: Organiser,
  acts: Map<string, Confirmed>,
  load: Promise<unknown>,
  giveUp: AbortSignal,
) {
  const over = new AbortController();
  void load.then(() => over.abort());
  for (let round = 0; !over.signal.aborted && !giveUp.aborted && round < 40; round += 1) {
    for (const { id, capacity } of plan.specs) {
      const path = `/v1/events/${id}`;
      const standing = acts.get(id) ?? { capacity, revision: 1, raised: false };
      acts.set(id, standing);
      const raised = standing.capacity + 1 + (round % 7);
      const raise = await organiser.act({ method: 'PATCH', path, body: { capacity: raised } });
      if (raise === null) return;
      Object.assign(standing, { capacity: raise.view.capacity, revision: raise.view.revision, raised: true });
      await organiser.act({ method: 'POST', path: `${path}/pause` });
      const resumed = await organiser.act({ method: 'POST', path: `${path}/resume` });
      if (resumed !== null) standing.revision = resumed.view.revision;
      await pause(15);
    }
  }
}

async function verdict(
  house: House,
  plan: Plan,
  history: readonly HistoryEntry[],
  acts: ReadonlyMap<string, Confirmed>,
  signal: AbortSignal,
): Promise<string[]> {
  const { server } = house;
  const findings: string[] = [];
  for (const spec of plan.specs) {
    const { status, body: view } = await server.call('GET', `/v1/events/${spec.id}`);
    if (status !== 200 || view['state'] !== 'open') {
      findings.push(`${spec.id}: ${status}, ${JSON.stringify(view['state'] ?? view.code)}, where it should be open`);
      continue;
    }
    const own = history.filter(({ eventId }) => eventId === spec.id);
    const confirmed = acts.get(spec.id);
    const capacity = confirmed?.capacity ?? spec.capacity;
    if (view['capacity'] !== capacity)
      findings.push(`${spec.id}: capacity ${String(view['capacity'])}, confirmed was ${capacity}`);
    if (Number(view['revision']) < (confirmed?.revision ?? 1))
      findings.push(`${spec.id}: an act that was confirmed is gone`);
    // Who was told of a win asks once more, and is told the same.
    const winners = own.filter(({ win }) => win !== null).filter((_, index) => index % 10 === 0);
    const again = await server.claimAll(winners, 8);
    const audit = await until(
      () => server.audit(spec.id),
      ({ status, body }) => signal.aborted || status !== 200 || body['unissued'] === 0 || body.ok === false,
    );
    if (audit.body.ok !== true)
      findings.push(`${spec.id}: the audit says ${JSON.stringify(audit.body.findings ?? audit.body)}`);
    const coupons = await server.coupons(spec.id);
    if (coupons.length !== view['won'] && coupons.length !== audit.body['won'])
      findings.push(`${spec.id}: ${coupons.length} coupons`);
    const whole = {
      spec: { ...spec, capacity },
      history: [...own, ...again.history],
      coupons,
      isWhole: confirmed?.raised !== true,
    };
    for (const { rule, message } of checkHistory(whole)) findings.push(`${spec.id}: ${rule}: ${message}`);
    const unanswered = whole.history.filter(({ outcome }) => outcome === 'unknown');
    if (unanswered.length > 0)
      findings.push(
        `${spec.id}: ${unanswered.length} claims were not answered in the end: ${unanswered[0]?.trouble ?? ''}`,
      );
    findings.push(...(await unchanged(house)));
    house.past.push({ id: spec.id, coupons });
  }
  return findings;
}

/** Coupons of an earlier cycle, over all that has happened to the folder since. */
async function unchanged(house: House): Promise<string[]> {
  const past = house.past[Math.floor(house.past.length / 2)];
  if (past === undefined) return [];
  try {
    assert.deepEqual(await house.server.coupons(past.id), past.coupons);
    return [];
  } catch (error) {
    return [`${past.id}, of an earlier cycle: ${error instanceof Error ? error.message : String(error)}`];
  }
}
