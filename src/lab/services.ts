import type { DatabaseName, Lesson } from './terms.ts';

/** The services that strategies use. */
export const serviceNames = ['redis', 'kafka', 'mariadb', 'postgres'] as const;
export type ServiceName = (typeof serviceNames)[number];

/**
 * Where the services are that a run may use, as those who may make databases, keys and topics there: `redis://…`,
 * `kafka://host:port`, `mysql://…/database`, `postgres://…/database`. Null: there is none.
 */
export type ServiceAddresses = Readonly<Record<ServiceName, string | null>>;

/** Why a service is not there, in a sentence that follows its name and says what to do; null where there is nothing to say. */
export type ServiceAbsences = Readonly<Record<ServiceName, string | null>>;

/** What a run may use, and why it may not use the rest. */
export interface LabServices {
  readonly addresses: ServiceAddresses;
  readonly absences: ServiceAbsences;
}

/** Which service a database is; none for a file. */
export const serviceOf = (database: DatabaseName): ServiceName | null => (database === 'sqlite' ? null : database);

const addressed = (name: ServiceName): string => `--${name} or DIBS_LAB_${name.toUpperCase()}`;

/** What to do where services are missing. */
export function remedyFor(names: readonly ServiceName[], absences: ServiceAbsences): Lesson {
  const reasons = names.flatMap((name) => absences[name] ?? []).join('; ');
  const flags = names.map(addressed);
  const where = `say where with ${flags.join(', ')}`;
  const needs = `needs ${names.join(' and ')}`;
  const whereKo = `${flags.map((flag) => flag.replace(' or ', ' 또는 ')).join(', ')}에 주소를 준다`;
  const needsKo = `${names.join(', ')} 필요`;
  return reasons === ''
    ? { en: `${needs}: ${where}`, ko: `${needsKo}: ${whereKo}` }
    : { en: `${needs}: ${reasons}; or ${where}`, ko: `${needsKo}: ${reasons}; 아니면 ${whereKo}` };
}
