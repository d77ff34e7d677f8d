import { setTimeout as pause } from 'node:timers/promises';
import { isCouponInsert, type Take } from './steps.ts';
import type { FaultName } from './terms.ts';
import { StoreTrouble } from './trouble.ts';

const faultEvery = 10;

/** Whether the fault strikes the so manieth coupon that a process inserts, message that a consumer gets, answer that is sent. */
export const strikes = (nth: number): boolean => nth % faultEvery === 1;

/** How much longer a slow insert takes: far longer than a lock should be held. */
const slowMs = 1_000;

/** How often a server is killed in a run. */
export const crashes = 3;

/** What goes wrong with the steps of one process. */
export interface StepFaults {
  readonly fault: FaultName | null;
  /** Of a consumer the partition that it reads; null of a server. */
  readonly partition: number | null;
  /** The step behind which the process is killed, by how it begins, and at which of these; null: it is not. */
  readonly crash: { readonly behind: string; readonly at: number } | null;
  readonly kill: () => void;
  /** Told each time that one of the others has struck. */
  readonly struck: () => void;
}

/** Takes steps as `take` does, with what goes wrong. */
export function faulty(take: Take, { fault, partition, crash, kill, struck }: StepFaults): Take {
  let inserts = 0;
  let passed = 0;
  // Were all partitions slow at the same inserts, none would fall behind another, and the order would hold by that alone.
  const isSlow = fault === 'slow-db' && (partition ?? 0) === 0;
  return async (step, act, told) => {
    const isChosen = (isSlow || fault === 'db-error') && isCouponInsert(step) && strikes(++inserts);
    const broken = async () => {
      if (isChosen) struck();
      if (isChosen && fault === 'slow-db') await pause(slowMs);
      if (isChosen && fault === 'db-error') throw new StoreTrouble('planned', 'the database is not there for a moment');
      return await act();
    };
    const value = await take(step, broken, told);
    if (crash !== null && step.text.startsWith(crash.behind) && ++passed === crash.at) {
      kill();
      // Nothing that this process would still do is done.
      await new Promise(() => undefined);
    }
    return value;
  };
}
