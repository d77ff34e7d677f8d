import { isRefused } from './trouble.ts';

/** One thing that a claim does, and that another claim may come in between. `local`: in the memory of its process. */
export interface Step {
  readonly kind: 'sql' | 'redis' | 'kafka' | 'engine' | 'local';
  /** As it is sent, its values in place. */
  readonly text: string;
}

/** What came of a step, for the step view. */
export type Told<T> = (value: T) => string;

/** Carries out one step after another; what wraps it counts, delays, breaks or holds up. */
export type Take = <T>(step: Step, act: () => Promise<T>, told: Told<T>) => Promise<T>;

/** What the steps of one process came to. */
export interface Counts {
  /** Everything that was sent to a store. */
  statements: number;
  /** Of these, how many a store took back because of another: deadlocks, and failures to serialize. */
  aborted: number;
  /** How often a step waited for somebody else's lock, as far as the process itself knows. */
  waits: number;
  /** How often a fault has struck here. */
  faults: number;
  /** When the last coupon was inserted, milliseconds since 1970; 0 before the first. */
  lastCouponAt: number;
}

export const noCounts = (): Counts => ({ statements: 0, aborted: 0, waits: 0, faults: 0, lastCouponAt: 0 });

export const isCouponInsert = ({ kind, text }: Step): boolean =>
  kind === 'sql' && text.startsWith('INSERT INTO coupons');

/** Takes steps as they come, and counts what goes to a store. */
export const counting =
  (counts: Counts): Take =>
  async (step, act) => {
    if (step.kind !== 'local' && step.kind !== 'engine') counts.statements += 1;
    try {
      const value = await act();
      if (isCouponInsert(step)) counts.lastCouponAt = Date.now();
      return value;
    } catch (error) {
      if (isRefused(error, 'deadlock', 'conflict')) counts.aborted += 1;
      throw error;
    }
  };
