import type { Alarm } from '../../core/alarm.ts';
import type { Clock } from '../../core/clock.ts';
import { DibsError } from '../../core/errors.ts';
import { within } from '../../lib/within.ts';
import type { RedisConnection } from './connection.ts';
import type { KeyNames } from './keys.ts';
import type { RedisNode } from './link.ts';
import { scripts } from './scripts.ts';
import { type Finding, judgeServer, readServer, requiredSettings, wordsOf } from './settings.ts';

/** What a watch needs. */
export interface WatchContext {
  readonly connection: RedisConnection;
  readonly names: KeyNames;
  readonly cluster: boolean;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly intervalMs: number;
  readonly alarm: Alarm;
  /** Done at each look besides; what it meets is met by others as well. */
  readonly tend: () => Promise<void>;
}

// Whoever asks whether a process is ready waits some 3 s: a master that hangs must not make one of it that does not answer.
const checkMsMax = 2_000;

/** What is known of one master. */
interface View {
  /** False until it has been looked at since it was last connected. */
  seen: boolean;
  trouble: DibsError | null;
  /** Its `run_id` once its append-only file was seen to be whole. */
  wholeFile: string | null;
  looking: Promise<void> | null;
}

/**
 * Looks at the settings of every master at the start, after each reconnection and every few seconds: they can be changed
 * while Redis runs, and a restarted one may have others. A master decides nothing while they are not as they must be.
 */
export class SettingsWatch {
  readonly #context: WatchContext;
  readonly #stop = new AbortController();
  readonly #views = new Map<string, View>();
  #isStarting = true;

  constructor(context: WatchContext) {
    this.#context = context;
  }

  /** The first look, and whether scripts may do all that they have to; then looks on. Throws `store_unfit`, `unavailable`. */
  async start(): Promise<void> {
    const nodes = this.#context.connection.masters();
    await Promise.all(nodes.map((node) => this.#look(node)));
    for (const node of nodes) {
      const { trouble } = this.#view(node.name);
      if (trouble !== null && trouble.details['passing'] !== true) throw trouble;
    }
    await Promise.all(nodes.map((node) => this.#probe(node)));
    this.#isStarting = false;
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** A master is connected anew: it may be another process, or otherwise set. */
  again(name: string): void {
    this.#view(name).seen = false;
  }

  /** Throws `unavailable` where this master may decide nothing now. Null, at once, where it may. */
  demand(node: RedisNode): Promise<void> | null {
    const view = this.#view(node.name);
    if (!view.seen) return this.#look(node).then(() => assertFit(view));
    assertFit(view);
    return null;
  }

  /** Looks at all of them now; gives what keeps some of them from deciding. Throws `store_unfit`, `unavailable` where none can. */
  async check(): Promise<string[]> {
    const nodes = this.#context.connection.masters();
    if (nodes.length === 0) throw new DibsError('unavailable', 'The gate is closed.');
    const found = await Promise.all(nodes.map((node) => this.#troubleOf(node)));
    const troubles = found.filter((trouble) => trouble !== null);
    const words = troubles.map(({ message }) => message);
    if (troubles.length < nodes.length) return words;
    throw new DibsError(troubles[0]?.code ?? 'unavailable', words.join(' '), { cause: troubles[0] });
  }

  /** What keeps a master from deciding now; null where nothing does. */
  async #troubleOf(node: RedisNode): Promise<DibsError | null> {
    const { clock, cluster } = this.#context;
    const late = () => new DibsError('unavailable', `Redis at ${node.name} has not answered in ${checkMsMax} ms.`);
    try {
      const looks = Promise.all([this.#look(node), cluster ? this.#assertServing(node) : null]);
      await within(clock, checkMsMax, looks, late);
      return this.#view(node.name).trouble;
    } catch (error) {
      if (error instanceof DibsError) return error;
      throw error;
    }
  }

  /** Throws `unavailable` where a cluster decides nothing, on this master neither, because others of it are away. */
  async #assertServing(node: RedisNode): Promise<void> {
    const { connection } = this.#context;
    const info = await connection.sendTo(node, 'CLUSTER', 'INFO').catch((error: unknown) => {
      // A user who may not ask is told by each call.
      if (connection.classifier.replyOf(error) === null) throw error;
      return '';
    });
    if (String(info).includes('cluster_state:fail'))
      throw new DibsError('unavailable', `Redis at ${node.name} says that its cluster is down.`);
  }

  async #run(): Promise<void> {
    const { clock, connection, intervalMs, tend } = this.#context;
    for (;;) {
      await clock.sleep(intervalMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      // A master that does not answer is for each call to meet; what was seen of its settings last still holds.
      await Promise.allSettled([...connection.masters().map((node) => this.#look(node)), tend()]);
    }
  }

  #view(name: string): View {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = { seen: false, trouble: null, wholeFile: null, looking: null };
    this.#views.set(name, view);
    return view;
  }

  #look(node: RedisNode): Promise<void> {
    const view = this.#view(node.name);
    view.looking ??= this.#lookAt(node, view).finally(() => {
      view.looking = null;
    });
    return view.looking;
  }

  async #lookAt(node: RedisNode, view: View): Promise<void> {
    const { connection, cluster } = this.#context;
    const ask = (...args: readonly string[]) => connection.sendTo(node, ...args);
    let trouble: DibsError | null = null;
    try {
      const state = await readServer(ask, node.name, connection.classifier);
      const findings = judgeServer(state, { wholeFile: view.wholeFile, cluster }, cliOf(node.name));
      if (findings.length === 0) view.wholeFile = state.info.get('run_id') ?? null;
      else if (findings.some(isAboutFile)) view.wholeFile = null;
      if (findings.length > 0) trouble = unfit(node.name, findings);
    } catch (error) {
      if (!(error instanceof DibsError) || error.code !== 'store_unfit') throw error;
      trouble = error;
    }
    this.#tell(node.name, view.trouble, trouble);
    view.trouble = trouble;
    view.seen = true;
  }

  #tell(name: string, before: DibsError | null, now: DibsError | null): void {
    const { alarm } = this.#context;
    // Whoever starts is told by what is thrown.
    if (this.#isStarting && now?.details['passing'] !== true) return;
    if (now !== null && now.message !== before?.message)
      alarm('Nothing is decided: Redis would not keep what it acknowledges', now);
    if (now === null && before !== null) alarm(`Redis at ${name} keeps what it acknowledges again`, null, true);
  }

  /** Runs, upon keys that belong to this master, everything that scripts do. */
  async #probe(node: RedisNode): Promise<void> {
    const { connection, names } = this.#context;
    const keys = names.probeKeys((key) => connection.nodeOf(key)?.name === node.name);
    try {
      if (keys !== null) await connection.run(scripts.probe, keys, []);
    } catch (error) {
      const words = connection.classifier.replyOf(error);
      // Where there is no room for a win, those that there are can still be replayed.
      if (words?.startsWith('OOM') === true) return;
      if (words === null || (error instanceof DibsError && error.code === 'unavailable')) throw error;
      const what = `Redis at ${node.name} does not let scripts do what those of the gate have to: ${words}`;
      throw new DibsError('store_unfit', what, { cause: error });
    }
  }
}

function assertFit({ trouble }: View): void {
  if (trouble !== null) throw new DibsError('unavailable', trouble.message, { cause: trouble });
}

const isAboutFile = ({ found }: Finding) => found.startsWith(`${requiredSettings[0]?.name ?? ''} `);

const unfit = (name: string, findings: readonly Finding[]) =>
  new DibsError('store_unfit', wordsOf(name, findings), {
    details: { passing: findings.every((one) => one.passing === true) },
  });

function cliOf(name: string): string {
  const colon = name.lastIndexOf(':');
  return `redis-cli -h ${name.slice(0, colon)} -p ${name.slice(colon + 1)}`;
}
