/** Strikes a house, and puts it in order again. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { until } from '../server.ts';
import type { Crowd } from './crowd.ts';
import type { House } from './house.ts';
import type { Member } from './member.ts';
import type { Organiser } from './organiser.ts';
import type { Blow, Loss, PlannedEvent, Strike } from './plan.ts';
import { count, type Tally } from './tally.ts';

/** Who is there while a house is struck. */
export interface Scene {
  readonly house: House;
  readonly tally: Tally;
  readonly findings: string[];
  readonly organiser: Organiser;
  /** Null while there is nobody. */
  readonly crowd: Crowd | null;
  /** Events of this cycle that have been created. */
  readonly specs: readonly PlannedEvent[];
}

const servedWithinMs = 60_000;
/** A state that an API has heard of and that is over; it looks again every 2 s. */
const staleMs = 6_000;
const syncWithinMs = 2_500;
const lookMsMax = 100;
/** So much of the sync's time is let go by before the kill, in which claims are told. */
const inSyncMs = 150;
const copyName = 'copied-appendonlydir';

/** Lets all faults of a strike happen at once, and resolves when everything runs and serves again. */
export async function strike(scene: Scene, { delayMs, blows }: Strike): Promise<void> {
  const { house, tally, findings } = scene;
  house.doing = `striking: ${blows.map(({ kind, target }) => `${kind} ${target}`).join(', ')}`;
  await pause(delayMs);
  await Promise.all(blows.map((blow) => hit(scene, blow)));
  if (scene.crowd?.gaveUp != null) return;
  house.doing = 'waiting behind a strike';
  const isRestarted = blows.some(({ kind, target }) => target === 'redis' && kind.startsWith('kill'));
  if (!isRestarted) return;
  const served = await house.servedAgain();
  if (typeof served === 'string') findings.push(served);
  else if (blows.length === 1) tally.servedAgainMillis.push(served);
  for (const { id } of [...scene.specs, ...house.past]) {
    const state = await stateOf(house, id);
    // The organiser may have paused it a moment ago.
    if (state === 'open' || state === 'paused') tally.healed += 1;
    else if (state !== 'absent') findings.push(`${id} is ${state} after a restart of Redis that has lost nothing`);
  }
  if (findings.length > 0) scene.crowd?.giveUp('promises are broken already');
}

async function hit(scene: Scene, blow: Blow): Promise<void> {
  const { house, tally } = scene;
  switch (blow.kind) {
    case 'kill':
      count(tally.kills, blow.target);
      return await kill(scene, blow);
    case 'stop':
      count(tally.stops, blow.target);
      return await stop(house, blow);
    case 'kill in sync':
      count(tally.kills, 'redis');
      await syncBegun(house);
      house.redis.signal('SIGKILL');
      return await house.redis.restart();
    case 'kill behind script': {
      count(tally.kills, 'api');
      const api = house.member('api', blow.which);
      await api.killBehindScript();
      return await startAgain(scene, api);
    }
    case 'older file':
    case 'flushed':
      return await lose(scene, blow.kind);
  }
}

type Plain<Kind> = Extract<Blow, { readonly kind: Kind }>;

async function kill(scene: Scene, { target, which, forMs }: Plain<'kill'>): Promise<void> {
  const { house } = scene;
  if (target === 'api' || target === 'worker') {
    const member = house.member(target, which);
    await member.kill();
    await pause(forMs);
    return await startAgain(scene, member);
  }
  const service = house.service(target);
  service.signal('SIGKILL');
  await pause(forMs);
  await service.restart();
}

async function startAgain({ tally }: Scene, member: Member): Promise<void> {
  tally.startMillis.push(await member.start());
}

async function stop(house: House, { target, which, forMs }: Plain<'stop'>): Promise<void> {
  if (target === 'api' || target === 'worker') return await house.member(target, which).stopFor(forMs);
  const service = house.service(target);
  service.signal('SIGSTOP');
  await pause(forMs);
  service.signal('SIGCONT');
}

/** Waits for a sync that Redis does beside its work, where it does any. */
async function syncBegun({ redis }: House): Promise<void> {
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const end = performance.now() + syncWithinMs;
    // Only one whose beginning was seen: of another nobody knows how much of it is left.
    for (let [wasFree, lookedAt] = [false, 0]; performance.now() < end; await pause(5)) {
      const isUnderWay = (await client.info('persistence')).includes('aof_pending_bio_fsync:1');
      if (isUnderWay && wasFree && performance.now() - lookedAt < lookMsMax) break;
      [wasFree, lookedAt] = [!isUnderWay, performance.now()];
    }
    await pause(inSyncMs);
  } finally {
    client.destroy();
  }
}

/** Takes a copy of what Redis has on its disk, to be put back later. */
export async function copyFile({ redis }: House): Promise<void> {
  const copy = join(redis.folder, copyName);
  await rm(copy, { recursive: true, force: true });
  await cp(join(redis.folder, 'appendonlydir'), copy, { recursive: true });
}

/** Takes from Redis what it has since a copy, or all, when everything that was told is elsewhere; a person puts it in order. */
async function lose(scene: Scene, loss: Loss): Promise<void> {
  const { house, tally, crowd, organiser } = scene;
  const { redis } = house;
  house.doing = 'holding the crowd';
  await Promise.all([crowd?.hold(), organiser.hold()]);
  house.doing = 'waiting until all is in log or ledger';
  await Promise.all(scene.specs.map(({ id }) => allElsewhere(house, id)));
  count(tally.losses, loss);
  crowd?.excuse(true);
  if (loss === 'flushed') await flush(redis.url);
  else {
    redis.signal('SIGKILL');
    const folder = join(redis.folder, 'appendonlydir');
    await rm(folder, { recursive: true, force: true });
    await cp(join(redis.folder, copyName), folder, { recursive: true });
    await redis.restart();
  }
  house.doing = 'recovering';
  crowd?.release();
  organiser.release();
  for (const { id } of [...scene.specs, ...house.past]) await recoverWhere(scene, id);
  crowd?.excuse(false);
  const served = await house.servedAgain();
  if (typeof served === 'string') scene.findings.push(served);
}

async function flush(url: string): Promise<void> {
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  await client.flushAll();
  await client.close();
}

/** Resolves once log or ledger know everything of an event that its gate does. */
async function allElsewhere({ apis, kafka }: House, eventId: string): Promise<void> {
  const { server } = apis[0] as Member;
  await until(
    async () => {
      const [audit, plan] = await Promise.all([
        server.audit(eventId),
        server.call('GET', `/v1/events/${eventId}/recovery`),
      ]);
      return { audit, plan };
    },
    ({ audit, plan }) => {
      const { gate, ledger } = plan.body as { gate?: { revision: number } | null; ledger?: { revision: number } };
      const { won, logged, unissued } = audit.body;
      const isKept = kafka === null ? unissued === 0 : logged === won;
      return audit.status === 200 && plan.status === 200 && isKept && gate?.revision === ledger?.revision;
    },
  );
}

/** What a person does who has read that an event waits: shows what there is, and says yes. */
async function recoverWhere(scene: Scene, id: string): Promise<void> {
  const { house, tally, findings } = scene;
  const state = await stateOf(house, id, 0);
  if (state === 'absent') findings.push(`${id} is not known any more`);
  if (state !== 'recovering') return;
  const { url } = house.apis[0] as Member;
  try {
    await house.fleet.run('recover', id, '--yes', '--url', url);
    tally.recoveries += 1;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    findings.push(`${id}: dibs recover refuses: ${`${stdout}${stderr}`.trim().replaceAll('\n', ' ')}`);
    return scene.crowd?.giveUp(`${id} cannot be recovered`);
  }
  const after = await stateOf(house, id);
  if (after !== 'open') findings.push(`${id} is ${after} after its recovery`);
}

/** The state of an event that all APIs tell; one that waits for recovery is asked for a while, in which they hear of its end. */
async function stateOf({ apis }: House, id: string, patienceMs = staleMs): Promise<string> {
  const startedAt = performance.now();
  for (;;) {
    const states = await Promise.all(apis.map((api) => stateAt(api, id)));
    const [first = 'unknown'] = states;
    const waitedMs = performance.now() - startedAt;
    if (states.includes('unknown') && waitedMs < servedWithinMs) await pause(20);
    else if (states.every((state) => state === first) && (first !== 'recovering' || waitedMs > patienceMs))
      return first;
    else if (waitedMs > servedWithinMs) return states.join(' and ');
    else await pause(50);
  }
}

async function stateAt(api: Member, id: string): Promise<string> {
  try {
    const { status, body } = await api.server.call('GET', `/v1/events/${id}`);
    if (status === 200) return String(body['state']);
    return status === 404 ? 'absent' : 'unknown';
  } catch {
    // It does not run, or has ended before it had answered.
    return 'unknown';
  }
}
