import { judge, type ToldClaim } from './judge.ts';
import type { RunPlan } from './run.ts';
import { onStage, type Stage } from './stage.ts';
import { monitorRedis, type RedisMonitor } from './stores/redis-monitor.ts';
import type { DatabaseName } from './terms.ts';
import { type TraceLine, Turns } from './turns.ts';
import type { Verdict } from './verdict.ts';

/** Two claims that race for one place, the only one or the last, step by step. */
export interface LabTrace {
  readonly strategy: string;
  readonly variant: string | null;
  readonly database: DatabaseName;
  /** The one fault that is shown step by step. */
  readonly fault: 'slow-db' | null;
  readonly users: readonly [string, string];
  /** Coupons that were there before. */
  readonly before: number;
  /** One place more than that. */
  readonly capacity: number;
  readonly lines: readonly TraceLine[];
  /** True: there were more steps than are shown, and they were not taken by turns. */
  readonly isCut: boolean;
  readonly answers: readonly [string, string];
  readonly issued: number;
  readonly verdict: Verdict;
}

/**
 * Runs two claims for one place in strict turns: each step is sent when it may, and everything that is shown has really run.
 * Where one has to wait for the other, by a lock of any kind, the other goes on.
 */
export async function traceTwo(plan: RunPlan): Promise<LabTrace> {
  const { strategy, circumstances } = plan;
  const { variant, database } = circumstances;
  const servers = circumstances.servers === 1 ? 1 : 2;
  const isEngine = strategy.needs(variant).includes('engine');
  // Of two claims there is no tenth. A slow insert strikes the first, and is slower than a lock may be held; a claim of the
  // engine does not wait for it.
  const fault = circumstances.fault === 'slow-db' && !isEngine ? circumstances.fault : null;
  let monitor: RedisMonitor | null = null;
  // What the engine does is one step to its caller; what is in that step Redis tells.
  const turns = new Turns(async (step) => (await monitor?.script(/'(.*)'/.exec(step)?.[1] ?? '')) ?? []);
  const before = strategy.tracedBehind ?? 0;
  const capacity = before + 1;
  const staged = { ...plan, capacity, circumstances: { ...circumstances, fault, inFlight: 2 * servers } };
  return await onStage({ ...staged, onStep: (message) => turns.receive(message) }, async (stage) => {
    const { redisUrl } = stage.own.place;
    const winners = await alreadyThere(stage, before);
    const fleet = await stage.startServers(servers);
    try {
      if (isEngine && redisUrl !== null) monitor = await monitorRedis(redisUrl);
      const users = circumstances.users === 'one' ? (['user-1', 'user-1'] as const) : (['user-1', 'user-2'] as const);
      const claims = users.map(async (userId, n): Promise<ToldClaim> => {
        const askedAt = performance.now();
        const reply = await fleet.claim(n, userId, n);
        turns.done(n as 0 | 1);
        return { ...reply, userId, askedAt, answeredAt: performance.now() };
      });
      const members = await fleet.all();
      const go = (n: number): void => (n < 0 ? stage.consumers[-1 - n] : members[n % servers])?.go(n);
      const [told] = await Promise.all([Promise.all(claims), turns.run(go, stage.signal)]);
      await Promise.all(stage.consumers.map((consumer) => consumer.ask('drain')));
      const coupons = isEngine ? (await members[0]?.ask('coupons'))?.coupons : undefined;
      const { issued, verdict } = judge({
        capacity,
        told: [...winners, ...told],
        users: coupons === undefined ? await usersOf(stage) : [],
        coupons: coupons ?? null,
        allotted: null,
      });
      const [first = '', second = ''] = told.map(({ answer, trouble }) => trouble ?? answer);
      const { lines, isCut } = turns;
      const called = { strategy: strategy.name, variant, database, fault };
      return { ...called, users, before, capacity, lines, isCut, answers: [first, second], issued, verdict };
    } finally {
      await monitor?.close();
      await fleet.close();
    }
  });
}

/** Inserts so many coupons, each of a user of its own, who was told so. */
async function alreadyThere({ session }: Stage, count: number): Promise<ToldClaim[]> {
  const userIds = Array.from({ length: count }, (_, i) => `earlier-${i + 1}`);
  for (const userId of userIds) await session.sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
  const at = performance.now();
  return userIds.map((userId) => ({ userId, answer: 'won', win: null, trouble: null, askedAt: at, answeredAt: at }));
}

/** The users of the coupons in the order of their inserts. */
async function usersOf({ session }: Stage): Promise<string[]> {
  return (await session.sql.rows('SELECT user_id FROM coupons ORDER BY id')).map(([userId]) => String(userId));
}
