import { findStrategy } from './catalog.ts';
import { consumePartition, type Consuming } from './consuming.ts';
import type { LabEngine, OpenEngine } from './engine.ts';
import { faulty } from './faults.ts';
import type { FromMember, MemberPlan, MemberReport, Port, Reply, ToMember } from './messages.ts';
import { openSession, type Session } from './session.ts';
import { type Counts, counting, noCounts, type Take } from './steps.ts';
import { Stores } from './stores/stores.ts';
import type { Claimant, Strategy } from './strategy.ts';
import { wordsOf } from './trouble.ts';

/** What a process, or a thread of it, is given besides its plan. */
export interface MemberParts {
  readonly openEngine: OpenEngine;
  /** Shared by the threads of one process. */
  readonly memory: Int32Array;
  readonly kill: () => void;
}

/** Serves claims, or consumes a partition, as it is told over `port`. */
export function serveMember(port: Port<ToMember, FromMember>, parts: MemberParts): void {
  let member: Member | null = null;
  const permits = new Map<number, () => void>();
  const handle = async (message: ToMember): Promise<void> => {
    switch (message.type) {
      case 'open':
        member = await Member.open(message.plan, parts, stepping(message.plan, port, permits));
        return port.send({ type: 'opened' });
      case 'go':
        return permits.get(message.n)?.();
      case 'claim':
        return port.send({
          type: 'answer',
          n: message.n,
          ...(await opened(member).claim(message.n, message.userId)),
        });
      case 'drain':
        await opened(member).drain();
        return port.send({ type: 'drained' });
      case 'coupons':
        return port.send({ type: 'coupons', ...(await opened(member).coupons()) });
      case 'report':
        return port.send({ type: 'report', ...(await opened(member).report()) });
      case 'close':
        await member?.close();
        return port.send({ type: 'closed' });
    }
  };
  port.receive((message) => {
    handle(message).catch((error: unknown) => port.send({ type: 'refused', reason: wordsOf(error) }));
  });
}

function opened(member: Member | null): Member {
  if (member === null) throw new Error('asked before it was opened');
  return member;
}

/** How the steps of claim `n` are taken. */
type TakeOf = (n: number, take: Take) => Take;

/** With a stepped plan every step of a claim is shown, and waits until it may. */
function stepping(plan: MemberPlan, port: Port<ToMember, FromMember>, permits: Map<number, () => void>): TakeOf {
  if (!plan.isStepped) return (_, take) => take;
  return (n, take) => async (step, act, told) => {
    const permit = Promise.withResolvers<void>();
    permits.set(n, permit.resolve);
    port.send({ type: 'step', n, step });
    await permit.promise;
    try {
      const value = await take(step, act, told);
      port.send({ type: 'stepped', n, outcome: told(value), isTrouble: false });
      return value;
    } catch (error) {
      port.send({ type: 'stepped', n, outcome: wordsOf(error), isTrouble: true });
      throw error;
    }
  };
}

class Member {
  readonly #strategy: Strategy;
  readonly #claimant: Claimant;
  readonly #stores: Stores;
  readonly #engine: LabEngine | null;
  readonly #counts: Counts;
  readonly #take: Take;
  readonly #takeOf: TakeOf;
  readonly #consuming: Consuming | null;

  private constructor(plan: MemberPlan, parts: MemberParts, takeOf: TakeOf, engine: LabEngine | null) {
    this.#strategy = findStrategy(plan.strategy);
    this.#counts = noCounts();
    this.#stores = new Stores(plan.place, () => this.#waited());
    this.#engine = engine;
    this.#take = faulty(counting(this.#counts), {
      ...plan,
      kill: parts.kill,
      struck: () => this.#struck(),
    });
    this.#takeOf = takeOf;
    this.#claimant = this.#strategy.open({ ...plan.scene, memory: parts.memory });
    const { partition, place } = plan;
    this.#consuming =
      partition === null || place.topic === null
        ? null
        : consumePartition(place.topic, partition, {
            repeats: plan.fault === 'duplicate-delivery' ? () => this.#struck() : null,
            consume: (message) =>
              this.#with(-1 - partition, async (session) => await this.#strategy.consume?.(message, session)),
          });
  }

  static async open(plan: MemberPlan, parts: MemberParts, takeOf: TakeOf): Promise<Member> {
    const engine = plan.engine === null ? null : await parts.openEngine(plan.engine);
    const member = new Member(plan, parts, takeOf, engine);
    await member.#consuming?.ready;
    if (engine === null) await member.#stores.warm(plan.partition === null ? plan.claimsAtOnce : 1);
    return member;
  }

  async claim(n: number, userId: string): Promise<Reply> {
    try {
      const said = await this.#with(n, async (session) => await this.#claimant.claim(userId, session));
      return typeof said === 'string' ? { answer: said, win: null, trouble: null } : { ...said, trouble: null };
    } catch (error) {
      return { answer: 'error', win: null, trouble: wordsOf(error) };
    }
  }

  async drain(): Promise<void> {
    await this.#consuming?.drain();
  }

  async coupons(): ReturnType<LabEngine['coupons']> {
    return this.#engine === null ? { coupons: [], lastCouponAt: 0 } : await this.#engine.coupons();
  }

  async report(): Promise<MemberReport> {
    const allotted = this.#claimant.allotted?.() ?? null;
    const engine = this.#engine;
    const [batches, issued] = engine === null ? [null, null] : [engine.batches(), await engine.issued()];
    return { counts: this.#counts, allotted, batches, issued };
  }

  async close(): Promise<void> {
    await this.#consuming?.stop();
    await this.#engine?.close();
    await this.#stores.close();
  }

  async #with<T>(n: number, act: (session: Session) => Promise<T>): Promise<T> {
    const session = openSession(this.#stores, this.#engine, this.#takeOf(n, this.#take), this.#counts);
    try {
      return await act(session);
    } finally {
      await session.close();
    }
  }

  #struck(): void {
    this.#counts.faults += 1;
  }

  #waited(): void {
    this.#counts.waits += 1;
  }
}
