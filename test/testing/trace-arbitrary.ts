/** Random traces in which claims, commands, clock steps and reopenings of a few events and users meet often. */
import fc from 'fast-check';
import type { TraceStep } from '../../src/testing/trace.ts';

const minuteMs = 60_000;
const event = fc.integer({ min: 0, max: 1 });
const capacity = fc.integer({ min: 1, max: 12 });
const limitPerUser = fc.integer({ min: 1, max: 3 });
const winsMax = fc.integer({ min: 1, max: 20 });
/** Null and minutes from far in the past to far in the future, most of them near. */
const inMs = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 20 }).map((minutes) => minutes * minuteMs) },
);
const ifRevision = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
);
const key = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const claim = fc.tuple(fc.integer({ min: 0, max: 7 }), key);
const change = fc.record(
  {
    capacity: fc.integer({ min: 0, max: 14 }),
    name: fc.constantFrom('Trace', 'Other', ''),
    opensInMs: inMs,
    closesInMs: inMs,
  },
  { requiredKeys: [] },
);

const step = fc.oneof<fc.WeightedArbitrary<TraceStep>[]>(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('create'),
      event,
      capacity,
      limitPerUser,
      opensInMs: inMs,
      closesInMs: inMs,
    }),
  },
  { weight: 3, arbitrary: fc.tuple(event, change).map(([event, change]) => ({ do: 'change', event, ...change })) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume'), event, ifRevision }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close'), event, ifRevision }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('admit'), event, claims: fc.array(claim, { maxLength: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read'), event, winsMax }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim'), event }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore'), event }) },
  { weight: 1, arbitrary: fc.constant({ do: 'look' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(-10, -1, 1, 3, 10).map((minutes) => ({ do: 'step', ms: minutes * minuteMs })),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'reopen' }) },
);

// Without an event a trace is a list of refusals, so each begins with two: one of one place a user, one of two.
const beginning: TraceStep[] = [
  { do: 'create', event: 0, capacity: 5, limitPerUser: 1, opensInMs: null, closesInMs: null },
  { do: 'create', event: 1, capacity: 7, limitPerUser: 2, opensInMs: minuteMs, closesInMs: 20 * minuteMs },
];

export const traces = fc
  .tuple(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }))
  .map(([begun, steps]) => (begun ? [...beginning, ...steps] : steps));
