import type { DatabaseName } from './strategy.ts';

/** Where the services are that a run may use, as those who may make databases, keys and topics there. */
export interface ServiceAddresses {
  /** `redis://…` */
  readonly redis: string | null;
  /** `kafka://host:port` */
  readonly kafka: string | null;
  /** `mysql://…/database` */
  readonly mariadb: string | null;
  /** `postgres://…/database` */
  readonly postgres: string | null;
}

export type ServiceName = keyof ServiceAddresses;

const addressNames: Readonly<Record<ServiceName, string>> = {
  redis: '--redis or DIBS_LAB_REDIS',
  kafka: '--kafka or DIBS_LAB_KAFKA',
  mariadb: '--mariadb or DIBS_LAB_MARIADB',
  postgres: '--postgres or DIBS_LAB_POSTGRES',
};

/** Services that stand ready for a run, and what ends those that were started for it. */
export interface LabServices {
  readonly addresses: ServiceAddresses;
  stop(): Promise<void>;
}

/** The services that are needed: those that are named. The one place that knows where services come from. */
export async function openServices(
  given: ServiceAddresses,
  // Those who start services themselves need to know which.
  _needed: readonly ServiceName[],
): Promise<LabServices> {
  return { addresses: given, stop: async () => undefined };
}

/** Which service a database is; none for a file. */
export const serviceOf = (database: DatabaseName): ServiceName | null => (database === 'sqlite' ? null : database);

/** What to do where services are missing. */
export const remedyFor = (names: readonly ServiceName[]): string =>
  `needs ${names.join(' and ')}: say where with ${names.map((name) => addressNames[name]).join(', ')}, or in a checkout have them started by \`npm run services\``;
