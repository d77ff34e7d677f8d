import { randomBytes } from 'node:crypto';
import process from 'node:process';
import type { Command } from 'commander';
import { systemClock } from '../../lib/system-clock.ts';
import { type ClaimClient, createClaimClient } from '../../load/claim-client.ts';
import type { IssuedWin } from '../../core/history.ts';
import { planClaims } from '../../load/plan.ts';
import { runClaims } from '../../load/run-claims.ts';
import { type Act, does } from '../act.ts';
import { type DemoServer, demoServer } from '../demo/demo-server.ts';
import { createProgress } from '../demo/progress.ts';
import { type Proof, prove } from '../demo/proof.ts';
import { proofLines } from '../demo/proof-text.ts';
import { wholeNumber } from '../options.ts';
import { eventPath, type Server } from '../server.ts';
import { count } from '../text.ts';
import { CliTrouble, type ExitCode, usage } from '../trouble.ts';
import { auditOf, type ShownAudit } from './audit.ts';

interface DemoPlan {
  readonly users: number;
  readonly capacity: number;
  readonly inFlight: number;
  readonly seed: number;
}

// Duplicate clicks on top of the claims: one for every ten.
const repeatShare = 0.1;
const claimsMax = 1_000_000;
const inFlightMax = 1024;

export function defineDemo(command: Command): void {
  command
    .option('--claims <n>', 'how many users claim, each once and every tenth twice', '10000')
    .option('--capacity <n>', 'how many coupons there are', '100')
    .option('--in-flight <n>', 'how many claims are on their way at once', '64')
    .option('--seed <n>', 'the same seed gives the same order of arrival; made up where absent');
  does(command, ['DIBS_URL', 'DIBS_DATA'], runDemo);
}

function planOf(options: Readonly<Record<string, string>>): DemoPlan {
  const plan = {
    users: wholeNumber(options['claims'] ?? '', '--claims', 1),
    capacity: wholeNumber(options['capacity'] ?? '', '--capacity', 1),
    inFlight: wholeNumber(options['inFlight'] ?? '', '--in-flight', 1),
    seed: options['seed'] === undefined ? randomBytes(4).readUInt32LE() : wholeNumber(options['seed'], '--seed'),
  };
  if (plan.users > claimsMax) throw usage(`--claims: at most ${count(claimsMax)}.`);
  if (plan.inFlight > inFlightMax) throw usage(`--in-flight: at most ${count(inFlightMax)}.`);
  if (plan.seed >= 2 ** 32) throw usage('--seed: must be below 4294967296.');
  return plan;
}

async function runDemo(act: Act, options: Readonly<Record<string, string>>): Promise<ExitCode> {
  const plan = planOf(options);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  // Once each: a second Ctrl-C ends the demo whether it has cleaned up or not.
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  let target: DemoServer | null = null;
  try {
    target = await demoServer(act.config, stop.signal);
    const proof = await holdDemo(act, target, plan, stop.signal);
    act.screen.document({ url: target.server.url, ...proof });
    act.screen.lines(...proofLines(proof, act.screen));
    return proof.ok ? 0 : 1;
  } catch (error) {
    throw stop.signal.aborted ? new CliTrouble('stopped', 'Stopped before the end: nothing is proven.') : error;
  } finally {
    await target?.stop();
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}

async function holdDemo({ screen }: Act, target: DemoServer, plan: DemoPlan, signal: AbortSignal): Promise<Proof> {
  const { server, serviceKey, isOwn } = target;
  const { users, capacity, inFlight, seed } = plan;
  const eventId = `demo-${seed}-${randomBytes(4).toString('hex')}`;
  const body = { id: eventId, name: `Demo with seed ${seed}`, capacity };
  await server.ask({ method: 'POST', path: '/v1/events', as: 'admin', body });
  const claims = planClaims({ eventId, users, repeats: Math.round(users * repeatShare), seed });
  screen.lines(
    `${screen.paint('bold', `${count(capacity)} coupons, ${count(users)} users`)}, ${count(claims.length)} requests with their repeated clicks`,
    `at ${server.url}${isOwn ? ' (a server of its own, gone afterwards)' : `, event ${eventId}`}`,
    `To see the same crowd again: --seed ${seed}`,
    '',
  );
  const client = createClaimClient({ url: server.url, serviceKey, connections: inFlight });
  const progress = createProgress(screen, claims.length, 'claims answered');
  try {
    const onAnswer = (answered: number): void => progress.tick(answered);
    const run = await runClaims(claims, { client, inFlight, onAnswer, signal: cutBy(signal, client) });
    progress.end();
    signal.throwIfAborted();
    const audit = await issuedAudit(server, eventId, signal);
    const { items: coupons } = await server.list<IssuedWin>(eventPath(eventId, '/coupons'), Number.MAX_SAFE_INTEGER);
    return prove({ eventId, seed, capacity, users, inFlight, run, coupons, audit });
  } finally {
    progress.end();
    await client.close();
  }
}

/** Claims on their way are cut too when the demo is stopped; else they would be retried while the server goes. */
function cutBy(signal: AbortSignal, client: ClaimClient): AbortSignal {
  signal.addEventListener('abort', () => void client.close(), { once: true });
  return signal;
}

const pollMs = { first: 20, most: 1000 } as const;
const patienceMs = 30_000;

/** The audit once nothing waits to be issued, or once nothing has been issued for a while. */
async function issuedAudit(server: Server, eventId: string, signal: AbortSignal): Promise<ShownAudit> {
  let waiting = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  for (let waitMs: number = pollMs.first; ; waitMs = Math.min(pollMs.most, waitMs * 1.5)) {
    const audit = await auditOf({ server }, eventId);
    if (audit.unissued === 0) return audit;
    if (audit.unissued < waiting) movedAt = performance.now();
    else if (performance.now() - movedAt > patienceMs) return audit;
    waiting = audit.unissued;
    await systemClock.sleep(waitMs, signal);
    signal.throwIfAborted();
  }
}
