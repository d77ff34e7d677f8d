import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { hasPassword } from '../../config/stores.ts';
import { strategies } from '../../lab/catalog.ts';
import { servicesOf, unfitFor, usualDatabases } from '../../lab/fit.ts';
import type { LabPlan, Selected } from '../../lab/lab.ts';
import type { ServiceAddresses, ServiceName } from '../../lab/services.ts';
import { calledOf, databaseNames, faultNames, type Lesson, serverCounts } from '../../lab/terms.ts';
import { planClaims } from '../../load/plan.ts';
import { wholeNumber } from '../options.ts';
import { count } from '../text.ts';
import { usage } from '../trouble.ts';
import { serverModule } from './server-process.ts';

type Language = keyof Lesson;

const claimsMax = 100_000;
const inFlightMax = 256;
// Faults strike every tenth time, and are to strike more than once.
const capacityMin = 10;
const userLists = ['all', 'one'] as const;

/** What is to be run, before it is known which services there are. */
export interface AskedLab extends Omit<LabPlan, 'services'> {
  /** The strategies that were named; none where all are meant. */
  readonly names: readonly string[];
  readonly language: Language;
  /** Services that somebody has named. */
  readonly given: ServiceAddresses;
}

/** What is to be run, from the flags of `dibs lab run`; throws with what is wrong with them. */
export function askedLabOf(command: Command, signal: AbortSignal): AskedLab {
  const options = command.opts<Record<string, string | boolean | undefined>>();
  const text = (name: string): string => String(options[name] ?? '');
  const number = (name: string, flag: string, min: number): number => wholeNumber(text(name), flag, min);
  const claims = number('claims', '--claims', 1);
  const capacity = number('capacity', '--capacity', capacityMin);
  const inFlight = number('inFlight', '--in-flight', 1);
  const seed = options['seed'] === undefined ? randomBytes(4).readUInt32LE() : number('seed', '--seed', 0);
  if (claims > claimsMax) throw usage(`--claims: at most ${count(claimsMax)}.`);
  if (claims < 2 * capacity) throw usage('--claims: at least twice as many as --capacity, or nobody has to race.');
  if (inFlight > inFlightMax) throw usage(`--in-flight: at most ${count(inFlightMax)}.`);
  if (seed >= 2 ** 32) throw usage('--seed: must be below 4294967296.');
  const users = oneOf(text('users'), userLists, '--users');
  const servers = oneOf(text('servers'), ['1', '4'], '--servers') === '4' ? serverCounts[1] : serverCounts[0];
  const fault = options['fault'] === undefined ? null : oneOf(text('fault'), faultNames, '--fault');
  const circumstances = { servers, users, inFlight, fault };
  const database = options['database'] === undefined ? null : oneOf(text('database'), databaseNames, '--database');
  const names = namesOf(command);
  return {
    names,
    language: languageOf(text('lang')),
    given: addressesOf(command),
    selected: chosenOf(names, partitionsOf(text('partitions')), options['keyed'] === true).flatMap((chosen) =>
      (database === null
        ? usualDatabases(chosen.strategy, { ...circumstances, variant: chosen.variant })
        : [database]
      ).map((one) => ({ ...chosen, database: one })),
    ),
    circumstances,
    claims,
    capacity,
    seed,
    isTraced: options['trace'] === true,
    module: serverModule,
    arrivalsOf: (claims, seed) => arrivals(claims, seed, users),
    signal,
  };
}

/** The users of so many claims in the order of their arrival. */
export function arrivals(claims: number, seed: number, users: (typeof userLists)[number]): string[] {
  const planned = planClaims({ eventId: 'lab', users: claims, repeats: 0, seed });
  return planned.map(({ userId }) => (users === 'one' ? 'user-1' : userId));
}

/** The services that are used by what can run. */
export function neededBy({ selected, circumstances }: AskedLab): ServiceName[] {
  const needed = selected.flatMap(({ strategy, variant, database }) => {
    const whole = { ...circumstances, variant, database };
    return unfitFor(strategy, whole) === null ? servicesOf(strategy, whole) : [];
  });
  return [...new Set(needed)];
}

export const languageOf = (text: string): Language => oneOf(text, ['en', 'ko'], '--lang');

function oneOf<Value extends string>(text: string, values: readonly Value[], flag: string): Value {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw usage(`${flag} ${JSON.stringify(text)}: must be one of ${values.join(', ')}.`);
}

const partitionsOf = (text: string): number | null =>
  text === '' ? null : Number(oneOf(text, ['1', '2'], '--partitions'));

const namesOf = (command: Command): string[] => (command.processedArgs[0] ?? []) as string[];

type Chosen = Omit<Selected, 'database'>;

const everything = strategies.flatMap((strategy): Chosen[] => {
  const variants = strategy.variants.length === 0 ? [null] : strategy.variants;
  return variants.map((variant) => ({ strategy, variant }));
});

/** Names with or without a variant, in the order of the catalogue; all where there are none. */
function chosenOf(names: readonly string[], partitions: number | null, keyed: boolean): Chosen[] {
  for (const name of names) {
    if (everything.some((one) => isCalled(one, name))) continue;
    throw usage(`There is no strategy ${JSON.stringify(name)}.`, '`dibs lab list` shows what there is.');
  }
  const named = names.length === 0 ? everything : everything.filter((one) => names.some((name) => isCalled(one, name)));
  if (partitions === null && !keyed) return named;
  const ofPartitions = named.filter(isPartitioned);
  const chosen = ofPartitions.filter(
    ({ strategy, variant }) =>
      (partitions === null || strategy.partitions?.(variant) === partitions) &&
      (!keyed || variant?.endsWith('-keyed') === true),
  );
  if (chosen.length > 0) return named.filter((one) => !isPartitioned(one) || chosen.includes(one));
  throw usage(
    ofPartitions.length === 0
      ? '--partitions, --keyed: choose among the variants of redis-incr-kafka, which is not named.'
      : '--partitions, --keyed: leave nothing of what is named; --keyed has 2 partitions.',
  );
}

const isPartitioned = ({ strategy }: Chosen): boolean => strategy.name === 'redis-incr-kafka';

const isCalled = ({ strategy, variant }: Chosen, name: string): boolean =>
  name === strategy.name || name === calledOf(strategy.name, variant);

function addressesOf(command: Command): ServiceAddresses {
  const options = command.opts<Record<string, string | undefined>>();
  const address = (name: ServiceName, schemes: readonly string[]): string | null => {
    const given = options[name];
    if (given === undefined || given === '') return null;
    // Several brokers are no URL to the parser.
    const one = name === 'kafka' ? given.replace(/,.*/, '') : given;
    if (!schemes.some((scheme) => one.startsWith(`${scheme}//`)) || !URL.canParse(one))
      throw usage(`--${name}: must be a URL of the form ${schemes[0] ?? ''}//host:port.`);
    if (command.getOptionValueSource(name) === 'cli' && hasPassword(given))
      throw usage(
        `--${name}: holds a password, and flags can be read by others; give it as DIBS_LAB_${name.toUpperCase()}.`,
      );
    return given;
  };
  return {
    redis: address('redis', ['redis:', 'rediss:']),
    kafka: address('kafka', ['kafka:']),
    mariadb: address('mariadb', ['mysql:', 'mariadb:'])?.replace(/^mariadb:/, 'mysql:') ?? null,
    postgres: address('postgres', ['postgres:', 'postgresql:']),
  };
}
