import { findStrategy } from './catalog.ts';
import { consumePartition, type Consuming } from './consuming.ts';
import { EngineUnfit, type LabEngine, type OpenEngine } from './engine.ts';
import { faulty } from './faults.ts';
import type { Asked, FromMember, MemberPlan, MemberReport, Port, Reply, Said, ToMember } from './messages.ts';
import { openSession, type Session } from './session.ts';
import { type Counts, counting, noCounts, type Take } from './steps.ts';
import { Stores } from './stores/stores.ts';
import type { Claimant, Strategy } from './strategy.ts';
import type { Message } from './terms.ts';
import { isOfTheRace, wordsOf } from './trouble.ts';

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
  const say = async (message: Extract<ToMember, { readonly type: 'ask' }>): Promise<Said> => {
    const { id } = message;
    if (message.what === 'open') {
      member = await Member.open(message.plan, parts, {
        takeOf: stepping(message.plan, port, permits),
        onBroken: (reason) => port.send({ type: 'broken', reason }),
      });
      return { type: 'said', id, what: 'open', value: null };
    }
    const asked = opened(member);
    switch (message.what) {
      case 'drain':
        await asked.drain();
        return { type: 'said', id, what: 'drain', value: null };
      case 'coupons':
        return { type: 'said', id, what: 'coupons', value: await asked.coupons() };
      case 'reissue':
        return { type: 'said', id, what: 'reissue', value: await asked.reissue() };
      case 'report':
        return { type: 'said', id, what: 'report', value: await asked.report() };
      case 'close':
        await asked.close();
        return { type: 'said', id, what: 'close', value: null };
    }
  };
  port.receive((message) => {
    switch (message.type) {
      case 'ask':
        say(message).then(
          (said) => port.send(said),
          (error: unknown) => {
            const isUnfit = error instanceof EngineUnfit;
            port.send({ type: 'refused', id: message.id, reason: wordsOf(error), isUnfit });
          },
        );
        return;
      case 'claim':
        // It throws nothing: what goes wrong is its answer.
        void opened(member)
          .claim(message.n, message.userId)
          .then((reply) => port.send({ type: 'answer', n: message.n, ...reply }));
        return;
      case 'go':
        return permits.get(message.n)?.();
    }
  });
}

function opened(member: Member | null): Member {
  if (member === null) throw new Error('asked before it was opened');
  return member;
}

/** How the steps of claim `n`, or of a consumer with a message, are taken. */
type TakeOf = (n: number, take: Take, of?: Message) => Take;

/** With a stepped plan every step of a claim is shown, and waits until it may. */
function stepping(plan: MemberPlan, port: Port<ToMember, FromMember>, permits: Map<number, () => void>): TakeOf {
  if (!plan.isStepped) return (_, take) => take;
  return (n, take, of) => async (step, act, told) => {
    const permit = Promise.withResolvers<void>();
    permits.set(n, permit.resolve);
    port.send({ type: 'step', n, step, of: of ?? null });
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

/** How a process is heard of while it works. */
interface MemberEars {
  readonly takeOf: TakeOf;
  readonly onBroken: (reason: string) => void;
}

class Member {
  readonly #strategy: Strategy;
  readonly #claimant: Claimant;
  readonly #stores: Stores;
  readonly #engine: LabEngine | null;
  readonly #counts: Counts;
  readonly #take: Take;
  readonly #ears: MemberEars;
  readonly #consuming: Consuming | null;

  private constructor(plan: MemberPlan, parts: MemberParts, ears: MemberEars, engine: LabEngine | null) {
    this.#strategy = findStrategy(plan.strategy);
    this.#counts = noCounts();
    this.#stores = new Stores(plan.place, () => this.#waited());
    this.#engine = engine;
    this.#take = faulty(counting(this.#counts), {
      ...plan,
      kill: parts.kill,
      struck: () => this.#struck(),
    });
    this.#ears = ears;
    this.#claimant = this.#strategy.open({ ...plan.scene, memory: parts.memory });
    const { partition, place } = plan;
    this.#consuming =
      partition === null || place.topic === null
        ? null
        : consumePartition(place.topic, partition, {
            repeats: plan.fault === 'duplicate-delivery' ? () => this.#struck() : null,
            consume: (message) => this.#consume(-1 - partition, message),
          });
  }

  static async open(plan: MemberPlan, parts: MemberParts, ears: MemberEars): Promise<Member> {
    const engine = plan.engine === null ? null : await parts.openEngine(plan.engine);
    const member = new Member(plan, parts, ears, engine);
    await member.#consuming?.ready;
    if (engine === null) await member.#stores.warm(plan.partition === null ? plan.claimsAtOnce : 1);
    return member;
  }

  async claim(n: number, userId: string): Promise<Reply> {
    try {
      const said = await this.#with(n, async (session) => await this.#claimant.claim(userId, session));
      return typeof said === 'string' ? { answer: said, win: null, trouble: null } : { ...said, trouble: null };
    } catch (error) {
      this.#heard(error);
      return { answer: 'error', win: null, trouble: wordsOf(error) };
    }
  }

  async drain(): Promise<void> {
    await this.#consuming?.drain();
  }

  async coupons(): Promise<Asked['coupons']> {
    return this.#engine === null ? { coupons: [], lastCouponAt: 0 } : await this.#engine.coupons();
  }

  async reissue(): Promise<number> {
    return this.#engine === null ? 0 : await this.#engine.reissue();
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

  /** What throws is logged and passed over, as consumers of lessons do; nobody reads that log here. */
  async #consume(n: number, message: Message): Promise<void> {
    try {
      await this.#with(n, async (session) => await this.#strategy.consume?.(message, session), message);
    } catch (error) {
      this.#heard(error);
    }
  }

  async #with<T>(n: number, act: (session: Session) => Promise<T>, of?: Message): Promise<T> {
    const take = this.#ears.takeOf(n, this.#take, of);
    const session = openSession(this.#stores, this.#engine, take, this.#counts);
    try {
      return await act(session);
    } finally {
      await session.close();
    }
  }

  /** Deadlocks, locks and failures on purpose are what is looked at here; anything else spoils the run. */
  #heard(error: unknown): void {
    if (!isOfTheRace(error)) this.#ears.onBroken(wordsOf(error));
  }

  #struck(): void {
    this.#counts.faults += 1;
  }

  #waited(): void {
    this.#counts.waits += 1;
  }
}
