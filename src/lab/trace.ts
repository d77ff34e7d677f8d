import { setTimeout as pause } from 'node:timers/promises';
import type { MemberProcess } from './fleet.ts';
import { judge, type ToldClaim } from './judge.ts';
import type { FromMember } from './messages.ts';
import type { RunPlan } from './run.ts';
import { onStage, startServers } from './stage.ts';
import type { Verdict } from './verdict.ts';

/** One thing that one of two claims did, in the order in which it really happened. */
export interface TraceLine {
  readonly claim: 0 | 1;
  /** Done by a consumer, after the claim was answered. */
  readonly byConsumer: boolean;
  readonly text: string;
  /** Null: it does not come back before the other claim has done something. */
  readonly outcome: string | null;
  readonly isTrouble: boolean;
  /** True: the end of a step that had to wait. */
  readonly isEnd: boolean;
}

/** Two claims that race for one place, step by step. */
export interface LabTrace {
  readonly strategy: string;
  readonly variant: string | null;
  readonly users: readonly [string, string];
  readonly lines: readonly TraceLine[];
  readonly answers: readonly [string, string];
  readonly issued: number;
  readonly verdict: Verdict;
}

/** A step that is not back by then waits for the other claim. */
const blockedMs = 150;
const stepsMax = 200;

type StepMessage = Extract<FromMember, { readonly type: 'step' | 'stepped' }>;

/** Where one of the two claims stands. */
interface Standing {
  /** What it wants to do next; null while it does something. */
  wanted: string | null;
  /** What it does now. */
  doing: { -readonly [Field in keyof TraceLine]: TraceLine[Field] } | null;
  /** It was seen to wait with what it does now. */
  waits: boolean;
  isDone: boolean;
}

/**
 * Runs two claims for one place in strict turns: each step is sent when it may, and everything that is shown has really run.
 * Where one has to wait for the other, by a lock of any kind, the other goes on.
 */
export async function traceTwo(plan: RunPlan): Promise<LabTrace> {
  const { strategy, circumstances, module } = plan;
  const users: [string, string] = circumstances.users === 'one' ? ['user-1', 'user-1'] : ['user-1', 'user-2'];
  const servers = circumstances.servers === 1 ? 1 : 2;
  const turns = new Turns(users);
  let consumers: readonly MemberProcess[] = [];
  const onStep = (message: StepMessage): void => {
    if (message.n < 0 && message.type === 'step') consumers[-1 - message.n]?.go(message.n);
    turns.receive(message);
  };
  const staged = { ...plan, capacity: 1, circumstances: { ...circumstances, fault: null, inFlight: 2 * servers } };
  return await onStage({ ...staged, isStepped: true, onStep }, async (stage) => {
    ({ consumers } = stage);
    const fleet = await startServers({ module, onStep }, stage, servers);
    try {
      const go = async (n: number): Promise<void> => (await fleet.member(n % servers)).go(n);
      const claims = users.map(async (userId, n): Promise<ToldClaim> => {
        const askedAt = performance.now();
        const reply = await fleet.claim(n, userId, n);
        turns.done(n as 0 | 1);
        return { ...reply, userId, askedAt, answeredAt: performance.now() };
      });
      await turns.run(go);
      const told = await Promise.all(claims);
      await Promise.all(consumers.map((consumer) => consumer.drain()));
      const isEngine = strategy.needs(circumstances.variant).includes('engine');
      const issued = isEngine ? (await (await fleet.member(0)).coupons()).coupons : null;
      const rows = issued === null ? await stage.session.sql.rows('SELECT user_id FROM coupons ORDER BY id') : [];
      const judged = judge({
        capacity: 1,
        told,
        users: rows.map(([userId]) => String(userId)),
        coupons: issued,
        allotted: null,
      });
      const [first, second] = told.map(({ answer, trouble }) => trouble ?? answer);
      return {
        strategy: strategy.name,
        variant: circumstances.variant,
        users,
        lines: turns.lines,
        answers: [first ?? '', second ?? ''],
        issued: judged.issued,
        verdict: judged.verdict,
      };
    } finally {
      await fleet.close();
    }
  });
}

/** Lets two claims take their steps by turns, and writes down what comes of them. */
class Turns {
  readonly lines: TraceLine[] = [];
  readonly #users: readonly [string, string];
  readonly #standing: readonly [Standing, Standing] = [newcomer(), newcomer()];
  #changed = Promise.withResolvers<void>();
  #consuming: { readonly claim: 0 | 1; readonly text: string } | null = null;

  constructor(users: readonly [string, string]) {
    this.#users = users;
  }

  receive(message: StepMessage): void {
    if (message.n < 0) return this.#consumed(message);
    const claim = message.n as 0 | 1;
    const standing = this.#standing[claim];
    const { doing } = standing;
    if (message.type === 'step') standing.wanted = message.step.text;
    else if (doing !== null) {
      const { outcome, isTrouble } = message;
      // The end of what waited stands where it came, behind what the other has done meanwhile.
      if (standing.waits) this.lines.push({ ...doing, outcome, isTrouble, isEnd: true });
      else Object.assign(doing, { outcome, isTrouble });
      standing.doing = null;
      standing.waits = false;
    }
    this.#change();
  }

  done(claim: 0 | 1): void {
    this.#standing[claim].isDone = true;
    this.#change();
  }

  async run(go: (claim: 0 | 1) => Promise<void>): Promise<void> {
    let turn: 0 | 1 = 0;
    for (let steps = 0; steps < stepsMax && this.#standing.some(({ isDone }) => !isDone); ) {
      const other = turn === 0 ? 1 : 0;
      await this.#settled(turn);
      const next = [turn, other].find((claim) => this.#standing[claim as 0 | 1].wanted !== null) as 0 | 1 | undefined;
      if (next === undefined) {
        await this.#changed.promise;
        continue;
      }
      const standing = this.#standing[next];
      const doing = {
        claim: next,
        byConsumer: false,
        text: standing.wanted ?? '',
        outcome: null,
        isTrouble: false,
        isEnd: false,
      };
      standing.doing = doing;
      standing.wanted = null;
      this.lines.push(doing);
      await go(next);
      await this.#settled(next);
      if (standing.doing !== null) standing.waits = true;
      turn = next === 0 ? 1 : 0;
      steps += 1;
    }
  }

  /** Waits until a claim wants its next step or is done, or is seen to wait. */
  async #settled(claim: 0 | 1): Promise<void> {
    const standing = this.#standing[claim];
    const until = performance.now() + blockedMs;
    while (standing.wanted === null && !standing.isDone && !standing.waits) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return;
      await Promise.race([this.#changed.promise, pause(leftMs)]);
    }
  }

  #consumed(message: StepMessage): void {
    if (message.type === 'step') {
      const { text } = message.step;
      this.#consuming = { claim: text.includes(this.#users[1]) ? 1 : 0, text };
      return;
    }
    if (this.#consuming === null) return;
    const { outcome, isTrouble } = message;
    this.lines.push({ ...this.#consuming, byConsumer: true, outcome, isTrouble, isEnd: false });
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

const newcomer = (): Standing => ({ wanted: null, doing: null, waits: false, isDone: false });
