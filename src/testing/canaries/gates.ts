import { type GateCanary, judgingCanaries } from './judging-gates.ts';
import { keepingCanaries } from './keeping-gates.ts';
import { managingCanaries } from './managing-gates.ts';
import { sharingCanaries } from './sharing-gates.ts';

/** Every broken gate: `gateConformance` must fail with each of them. */
export const gateCanaries: readonly GateCanary[] = [
  ...judgingCanaries,
  ...keepingCanaries,
  ...managingCanaries,
  ...sharingCanaries,
];
