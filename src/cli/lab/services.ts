import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type LabServices, type ServiceName, serviceNames, type ServiceAddresses } from '../../lab/services.ts';

/** Services that stand ready for the lab. */
export interface OpenServices extends LabServices {
  /** Ends those that were started for it. */
  stop(): Promise<void>;
}

/** What is asked for. */
export interface WantedServices {
  /** What somebody has named is used as it is. */
  readonly given: ServiceAddresses;
  readonly needed: readonly ServiceName[];
  /** Where it aborts, what is still starting is given up. */
  readonly signal: AbortSignal;
  readonly onStarting: (names: readonly ServiceName[]) => void;
}

/** A service that runs, as far as it is looked at here. */
interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

/** What the module of a checkout gives that `npm run services` is made of. */
export interface ServiceStarter {
  /** Null where it can be started here, else what to do about it. */
  missing(name: ServiceName): string | null;
  startService(name: ServiceName, options: { readonly signal: AbortSignal }): Promise<Service>;
}

// Beside src/ in a checkout; a package has no such folder, and nothing else to start a server with.
const starterPath = join(import.meta.dirname, '../../../services/services.ts');

async function findStarter(): Promise<ServiceStarter | null> {
  if (!existsSync(starterPath)) return null;
  return (await import(pathToFileURL(starterPath).href)) as ServiceStarter;
}

/** Has those services ready that are needed: the named ones, and in a checkout others that can be started on this machine. */
export async function openServices(
  { given, needed, signal, onStarting }: WantedServices,
  find: () => Promise<ServiceStarter | null> = findStarter,
): Promise<OpenServices> {
  const wanted = needed.filter((name) => given[name] === null);
  const addresses = { ...given };
  const absences: Record<ServiceName, string | null> = { redis: null, kafka: null, mariadb: null, postgres: null };
  const starter = wanted.length === 0 ? null : await find();
  const started = new Map<ServiceName, Promise<Service>>();
  if (starter !== null) {
    for (const name of wanted) absences[name] = starter.missing(name);
    const startable = serviceNames.filter((name) => wanted.includes(name) && absences[name] === null);
    if (startable.length > 0) onStarting(startable);
    for (const name of startable) started.set(name, starter.startService(name, { signal }));
  }
  const running: Service[] = [];
  const names = [...started.keys()];
  for (const [i, outcome] of (await Promise.allSettled(started.values())).entries()) {
    const name = names[i] as ServiceName;
    if (outcome.status === 'fulfilled') {
      running.push(outcome.value);
      addresses[name] = outcome.value.url;
    } else absences[name] = `it was started, and did not come up: ${complaintOf(outcome.reason)}`;
  }
  return { addresses, absences, stop: async () => void (await Promise.all(running.map((one) => one.stop()))) };
}

/** Why a server did not come up: of what it said the first complaint, or else its last words. First stands how it was called. */
function complaintOf(error: unknown): string {
  const [called = '', ...said] = (error instanceof Error ? error.message : String(error)).split('\n');
  const lines = said.map((line) => line.trim()).filter((line) => line !== '');
  const complaint = /error|fatal|cannot|could not|denied|in use|no such|not found/i;
  return lines.find((line) => complaint.test(line)) ?? lines.at(-1) ?? called;
}
