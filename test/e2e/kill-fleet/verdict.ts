/** Judges a fleet that is healed: what everybody was told against what every process says and the ledger has. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { checkHistory } from '../../../src/core/history.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import type { PlannedClaim } from '../../../src/load/plan.ts';
import { claimThrough } from '../fleet.ts';
import type { Body, TestServer } from '../server.ts';
import type { Scene } from './faults.ts';
import type { House, PastEvent } from './house.ts';
import type { PlannedEvent } from './plan.ts';

/** Longer than a group of workers takes to share a topic anew, one of whom was stopped. */
const stillMs = 40_000;

/** A process whose store was stopped does not ask it again for some seconds: that is no answer yet. */
const patienceMs = 30_000;

async function answered<Answer extends { readonly status: number; readonly body: Body }>(
  ask: () => Promise<Answer>,
): Promise<Answer> {
  for (const until = performance.now() + patienceMs; ; await pause(50)) {
    const answer = await ask();
    const isPassing = ['unavailable', 'unknown_outcome'].includes(answer.body.code ?? '');
    if (answer.status !== 503 || !isPassing || performance.now() > until) return answer;
  }
}

async function patiently<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (const until = performance.now() + patienceMs; ; await pause(50)) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}

/** Everything that is not as promised. */
export async function verdict(scene: Scene, history: readonly HistoryEntry[]): Promise<string[]> {
  const { house, specs } = scene;
  const idle = house.members.filter(({ runs }) => !runs);
  if (idle.length > 0) return idle.map(({ name }) => `${name} does not run`);
  const findings: string[] = [];
  for (const spec of specs) {
    house.doing = `judging ${spec.id}`;
    const own = history.filter(({ eventId }) => eventId === spec.id);
    findings.push(...(await verdictOf(scene, spec, own)).map((finding) => `${spec.id}: ${finding}`));
  }
  for (const past of pastOf(scene)) findings.push(...(await unchanged(house, past)));
  return findings;
}

async function verdictOf(scene: Scene, spec: PlannedEvent, history: readonly HistoryEntry[]): Promise<string[]> {
  const { house, organiser } = scene;
  const servers = house.apis.map(({ server }) => server);
  const [first] = servers as [TestServer];
  const findings: string[] = [];
  const confirmed = organiser.confirmed.get(spec.id) ?? { capacity: spec.capacity, revision: 1, raised: false };
  const { capacity } = confirmed;
  for (const { name, server } of house.apis) {
    const { status, body } = await answered(() => server.call('GET', `/v1/events/${spec.id}`));
    const { state = body.code } = body as { readonly state?: string };
    if (status !== 200 || state !== 'open')
      findings.push(`${name} says ${status}, ${state ?? ''}, where it should be open`);
    else if (body['capacity'] !== capacity || Number(body['revision']) < confirmed.revision)
      findings.push(
        `${name} knows capacity ${String(body['capacity'])}, revision ${String(body['revision'])}; confirmed were ${capacity} and ${confirmed.revision}`,
      );
  }
  if (findings.length > 0) return [...findings, ...(await heldBack(first, spec, history))];
  // Who was told of a win asks once more, and is told the same.
  const winners = history.filter(({ win }) => win !== null).filter((_, index) => index % 10 === 0);
  const { history: again } = await claimThrough(servers, winners, { inFlight: 8 });
  const audit = await settled(first, spec.id, findings);
  const coupons = await patiently(() => first.coupons(spec.id));
  const won = Number(audit['won']);
  if (coupons.length !== won) findings.push(`I14: the gate has ${won} wins, the ledger ${coupons.length} coupons`);
  for (const { name, server } of house.apis) {
    const { body } = await answered(() => server.audit(spec.id));
    const same = body.ok === true && body['won'] === won && body['issued'] === won && body['failed'] === 0;
    if (!same) findings.push(`the audit at ${name} says ${shortly(body)}`);
  }
  const wanted = Math.min(capacity, demandOf(history, spec.limitPerUser));
  if (won !== wanted)
    findings.push(`I17: ${won} were won, where ${wanted} of ${capacity} places were wanted to the end`);
  const whole = [...history, ...again, ...lateOnes(history)];
  const isWhole = !confirmed.raised;
  for (const { rule, message } of checkHistory({ spec: { ...spec, capacity }, history: whole, coupons, isWhole }))
    findings.push(`${rule}: ${message}`);
  const last = new Map([...history, ...again].map((entry) => [JSON.stringify([entry.userId, entry.key]), entry]));
  const unanswered = [...last.values()].filter(({ outcome }) => outcome === 'unknown');
  if (unanswered.length > 0)
    findings.push(`${unanswered.length} claims were not answered in the end: ${unanswered[0]?.trouble ?? ''}`);
  house.past.push({ id: spec.id, coupons });
  return findings;
}

/** What is known of an event that is not served: what its stores hold, and what clients were told. */
async function heldBack(server: TestServer, spec: PlannedEvent, history: readonly HistoryEntry[]): Promise<string[]> {
  const { body } = await answered(() => server.call('GET', `/v1/events/${spec.id}/recovery`));
  const { gate, ledger, cause } = body as RecoveryBody;
  const held = `the gate has ${gate?.won ?? 'no'} wins, the ledger ${ledger?.issued ?? 'no'} coupons`;
  // Raised or not, by coupons or without them: what clients were told is judged by itself.
  const told = checkHistory({
    spec: { ...spec, capacity: Infinity },
    history: [...history, ...lateOnes(history)],
    coupons: null,
    isWhole: false,
  });
  return [`I17: ${held}, and it waits: ${cause ?? ''}`, ...told.map(({ rule, message }) => `${rule}: ${message}`)];
}

interface RecoveryBody {
  readonly gate?: { readonly won: number } | null;
  readonly ledger?: { readonly issued: number };
  readonly cause?: string;
}

/**
 * Attempts that went unanswered before the claim was refused by another server. One that was stopped may still decide them
 * later, when the event is no longer paused: then the claim was asked for as early as that, whoever hears of it when.
 */
const lateOnes = (history: readonly HistoryEntry[]): HistoryEntry[] =>
  history
    .filter(({ attempts, outcome, win }) => attempts > 1 && outcome !== 'unknown' && win === null)
    .map((entry) => ({ ...entry, outcome: 'unknown' }));

/** How many places a crowd wins where there are enough: each user as many as there were keys, and no more than allowed. */
function demandOf(claims: readonly PlannedClaim[], limitPerUser: number): number {
  const keys = new Map<string, Set<string | null>>();
  for (const { userId, key } of claims) {
    const own = keys.get(userId) ?? new Set();
    keys.set(userId, own.add(key));
  }
  return [...keys.values()].reduce((sum, { size }) => sum + Math.min(limitPerUser, size), 0);
}

/** The audit once nothing waits to be issued; or as it is, where nothing moves any more or something contradicts. */
async function settled(server: TestServer, id: string, findings: string[]): Promise<Body> {
  let issued = -1;
  for (let movedAt = performance.now(); ; await pause(30)) {
    const { status, body } = await server.audit(id);
    if (status === 200 && (body['unissued'] === 0 || body.ok === false)) return body;
    if (status === 200 && body['issued'] !== issued) {
      issued = Number(body['issued']);
      movedAt = performance.now();
    }
    if (performance.now() - movedAt < stillMs) continue;
    findings.push(`I17: nothing has been issued for ${stillMs / 1000} s, and the audit says ${shortly(body)}`);
    return body;
  }
}

const shortly = (body: Body): string => JSON.stringify(body).slice(0, 400);

/** Where stores were lost, all events of earlier cycles; else one. */
function pastOf({ house, tally, specs }: Scene): PastEvent[] {
  const past = house.past.slice(0, -specs.length);
  const some = past[Math.floor(past.length / 2)];
  return Object.keys(tally.losses).length > 0 ? past : some === undefined ? [] : [some];
}

/** Coupons of an earlier cycle, over all that has happened since. */
async function unchanged({ apis }: House, { id, coupons }: PastEvent): Promise<string[]> {
  try {
    for (const { server } of apis) assert.deepEqual(await patiently(() => server.coupons(id)), coupons);
    return [];
  } catch (error) {
    return [`${id}, of an earlier cycle: ${error instanceof Error ? error.message : String(error)}`];
  }
}
