import { type LabServices, remedyFor, type ServiceName, serviceOf } from './services.ts';
import type { Strategy } from './strategy.ts';
import type { Circumstances, DatabaseName, Lesson } from './terms.ts';
import type { Verdict } from './verdict.ts';

/** What a strategy is expected to do, or why it cannot run. */
export type Fit = { readonly expected: readonly Verdict[] } | { readonly reason: Lesson };

/** Whether a strategy can run so, as far as can be said without trying. */
export function fitOf(strategy: Strategy, circumstances: Circumstances, services: LabServices): Fit {
  const reason = unfitFor(strategy, circumstances);
  if (reason !== null) return { reason };
  const missing = servicesOf(strategy, circumstances).filter((name) => services.addresses[name] === null);
  if (missing.length > 0) return { reason: remedyFor(missing, services.absences) };
  return { expected: strategy.expects(circumstances) };
}

/** Why a strategy cannot run so, whatever services there are; null where it can. */
export function unfitFor(strategy: Strategy, circumstances: Circumstances): Lesson | null {
  const reason = strategy.unfit?.(circumstances) ?? null;
  const sends = (strategy.partitions?.(circumstances.variant) ?? 0) > 0;
  if (reason !== null || circumstances.fault !== 'duplicate-delivery' || sends) return reason;
  return { en: 'sends no messages that could come twice', ko: '두 번 올 수 있는 메시지를 보내지 않는다' };
}

const servers = ['mariadb', 'postgres'] as const satisfies readonly DatabaseName[];

/** Where a strategy is run where nobody says: on SQLite, or, where that cannot do it, on each of the servers that can. */
export function usualDatabases(strategy: Strategy, circumstances: Omit<Circumstances, 'database'>): DatabaseName[] {
  const fits = (database: DatabaseName): boolean => unfitFor(strategy, { ...circumstances, database }) === null;
  const others = fits('sqlite') ? [] : servers.filter(fits);
  return others.length === 0 ? ['sqlite'] : others;
}

/** The services that a strategy uses. */
export function servicesOf(strategy: Strategy, { variant, database }: Circumstances): ServiceName[] {
  const server = serviceOf(database);
  const needs = strategy.needs(variant).filter((need) => need !== 'engine');
  return server === null ? needs : [server, ...needs];
}
