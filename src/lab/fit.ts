import { remedyFor, type ServiceAddresses, type ServiceName, serviceOf } from './services.ts';
import type { Circumstances, Strategy } from './strategy.ts';
import type { Verdict } from './verdict.ts';

/** What a strategy is expected to do, or why it cannot run. */
export type Fit = { readonly expected: readonly Verdict[] } | { readonly reason: string };

/** Whether a strategy can run so, as far as can be said without trying. */
export function fitOf(strategy: Strategy, circumstances: Circumstances, addresses: ServiceAddresses): Fit {
  const reason = strategy.unfit?.(circumstances) ?? null;
  if (reason !== null) return { reason };
  const expected = strategy.expects(circumstances);
  if (expected === null) return { reason: `is not meant for ${circumstances.fault ?? 'this'}` };
  const missing = servicesOf(strategy, circumstances).filter((name) => addresses[name] === null);
  return missing.length === 0 ? { expected } : { reason: remedyFor(missing) };
}

/** The services that a strategy uses. */
export function servicesOf(strategy: Strategy, { variant, database }: Circumstances): ServiceName[] {
  const server = serviceOf(database);
  const needs = strategy.needs(variant).filter((need) => need !== 'engine');
  return server === null ? needs : [server, ...needs];
}
