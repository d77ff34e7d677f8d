/**
 * `npm run services`: real services to try things out with. They run until Ctrl-C, and leave nothing.
 *
 * The exit code: 0 stopped, 1 something did not start or is missing, 2 called wrongly.
 */
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { install } from './install.ts';
import { missing, type Service, type ServiceName, serviceNames, startService } from './services.ts';

const usage = `usage: npm run services -- [--json] [--install] [${serviceNames.join(' | ')}] …
  starts the named ones, or all that are here, until Ctrl-C
  --json     tells where they are as JSON
  --install  installs what is missing of them (Debian) and ends`;

interface Asked {
  readonly names: readonly ServiceName[];
  /** Named ones have to be here. */
  readonly areNamed: boolean;
  readonly json: boolean;
  readonly install: boolean;
}

function asked(): Asked | null {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, install: { type: 'boolean', default: false } },
    });
    const named = serviceNames.filter((name) => positionals.includes(name));
    if (named.length < new Set(positionals).size) return null;
    const areNamed = named.length > 0;
    return { names: areNamed ? named : serviceNames, areNamed, json: values.json, install: values.install };
  } catch {
    return null;
  }
}

/** What an engine would be configured with: of two that can do the same, first the one and then the other. */
const variables: readonly (readonly [variable: string, by: readonly ServiceName[]])[] = [
  ['DIBS_GATE', ['redis', 'redis-cluster']],
  ['DIBS_LOG', ['kafka']],
  ['DIBS_LEDGER', ['mariadb', 'postgres']],
];
/** Where the race lab is told that services are, as those who may make databases, keys and topics there. */
const labVariables: Readonly<Partial<Record<ServiceName, string>>> = {
  redis: 'DIBS_LAB_REDIS',
  kafka: 'DIBS_LAB_KAFKA',
  mariadb: 'DIBS_LAB_MARIADB',
  postgres: 'DIBS_LAB_POSTGRES',
};
const secrets = ['DIBS_ADMIN_KEY', 'DIBS_SERVICE_KEY', 'DIBS_TOKEN_SECRET', 'DIBS_CODE_SECRET'];

interface Configuration {
  readonly environment: Readonly<Record<string, string>>;
  readonly lab: Readonly<Record<string, string>>;
  readonly others: readonly (readonly [variable: string, value: string])[];
}

function configurationOf(services: readonly Service[]): Configuration {
  const told = variables.flatMap(([variable, by]) =>
    by.flatMap((name) => {
      const service = services.find((one) => one.name === name);
      return service === undefined ? [] : [[variable, engineUrlOf(service)] as const];
    }),
  );
  const chosen = new Map<string, string>();
  for (const [variable, value] of told) if (!chosen.has(variable)) chosen.set(variable, value);
  const others = told.filter(([variable, value]) => chosen.get(variable) !== value);
  for (const secret of secrets) chosen.set(secret, randomBytes(32).toString('base64url'));
  const lab = services.flatMap(({ name, url }) => {
    const variable = labVariables[name];
    return variable === undefined ? [] : [[variable, url] as const];
  });
  return { environment: Object.fromEntries(chosen), lab: Object.fromEntries(lab), others };
}

/** A log is a topic. */
const engineUrlOf = ({ name, engineUrl }: Service): string => (name === 'kafka' ? `${engineUrl}/dibs` : engineUrl);

function told(services: readonly Service[]): string {
  const { environment, lab, others } = configurationOf(services);
  const exported = (values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).map(([variable, value]) => `export ${variable}=${value}`);
  return [
    ...services.map(({ name, url }) => `${name.padEnd(15)}${url}`),
    '',
    ...exported(environment),
    ...(others.length === 0
      ? []
      : ['', '# or instead', ...others.map(([variable, value]) => `# ${variable}=${value}`)]),
    ...(Object.keys(lab).length === 0 ? [] : ['', '# for `dibs lab run`', ...exported(lab)]),
    '',
    'Ctrl-C stops them and removes what they hold.',
  ].join('\n');
}

function toldAsJson(services: readonly Service[]): string {
  const shown = services.map(({ name, url, engineUrl, folder, pids }) => ({ name, url, engineUrl, folder, pids }));
  return JSON.stringify({ services: shown, ...configurationOf(services) });
}

/** Runs them until it is told to stop. */
async function serve(names: readonly ServiceName[], tell: (services: readonly Service[]) => string): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  // Nothing else keeps the process alive between the start and the signal.
  const alive = setInterval(() => undefined, 60_000);
  const starting = names.map((name) => startService(name));
  const all = Promise.allSettled(starting);
  const outcome = await Promise.race([Promise.all(starting), stopped]).catch((error: unknown) => String(error));
  if (typeof outcome === 'string') console.error(outcome);
  else if (outcome !== undefined) {
    console.log(tell(outcome));
    await stopped;
  }
  const started = (await all).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  await Promise.all(started.map((service) => service.stop()));
  clearInterval(alive);
  return typeof outcome === 'string' ? 1 : 0;
}

async function run({ names, areNamed, json, install: installs }: Asked): Promise<number> {
  const say = (line: string): void => console.error(line);
  const remedies = installs ? await install(names, say) : names.flatMap((name) => missing(name) ?? []);
  for (const remedy of new Set(remedies)) say(remedy);
  if (installs) return remedies.length > 0 ? 1 : 0;
  const here = names.filter((name) => missing(name) === null);
  if (here.length === 0 || (areNamed && remedies.length > 0)) return 1;
  if (!json) say(`starting ${here.join(', ')}`);
  return await serve(here, json ? toldAsJson : told);
}

const what = asked();
if (what === null) {
  console.error(usage);
  process.exitCode = 2;
} else {
  process.exitCode = await run(what);
}
