import type { Served } from '../../compose.ts';
import { type Config, shownOf } from '../../config.ts';
import type { Screen } from '../screen.ts';
import { fields } from '../table.ts';
import { plural } from '../text.ts';
import { curlLines, type KeySource } from './curl-line.ts';

/** What a server has to say once it listens. */
export interface Greeting {
  readonly config: Config;
  readonly served: Pick<Served, 'url' | 'keys' | 'madeKeys'>;
  readonly version: string;
  /** Null where all keys were given, so that none are kept. */
  readonly keysFile: string | null;
  /** The event that a pasted line claims on. */
  readonly event: { readonly id: string; readonly limitPerUser: number } | null;
  /** Whether `event` was made just now, in a new data folder. */
  readonly isSeeded: boolean;
  /** Whether somebody reads this at a terminal, and not a log. */
  readonly isTerminal: boolean;
}

/** The lines of a start, for people. */
export function greetingLines(greeting: Greeting, screen: Screen): string[] {
  const { config, served, version, event, isSeeded } = greeting;
  const isFileGate = config.gate.driver === 'sqlite';
  const address = addressOf(served.url);
  return [
    `${screen.paint('bold', `Dibs ${version}`)} listens on ${screen.paint('green', address)}`,
    '',
    ...fields([
      ...(isFileGate ? [['data', config.dataDir] as const] : []),
      ...storeLines(config),
      ['issuing', rateLine(config)],
    ]),
    ...keyLines(greeting, screen),
    '',
    ...(event === null
      ? ['There are no open events. Make one in another terminal:', '', '  dibs event create launch --capacity 100']
      : [
          isSeeded
            ? `Event "${event.id}" is open with 100 coupons. Claim one from another terminal:`
            : `Claim a place of event "${event.id}" from another terminal:`,
          '',
          ...curlLines({
            url: address,
            eventId: event.id,
            source: sourceOf(greeting),
            key: event.limitPerUser > 1 ? 'click-1' : null,
          }).map((line) => `  ${line}`),
        ]),
    '',
    screen.paint('dim', 'Ctrl-C stops it, when what it has taken is answered.'),
  ];
}

/** Where a process works, in the order in which a claim goes through; never with a password. */
export const storeLines = ({ gate, log, ledger }: Config): [string, string][] => [
  ['gate', shownOf(gate)],
  ...(log.driver === 'embedded' ? [] : ([['log', shownOf(log)]] as [string, string][])),
  ['ledger', shownOf(ledger)],
];

/** How fast coupons are issued, in words. */
export const rateLine = ({ issueRate }: Config): string =>
  issueRate === null ? 'as fast as the ledger bears' : rateText(issueRate.perSecond);

/** A rate as somebody would write it: in the first unit in which it is a whole number. */
function rateText(perSecond: number): string {
  const units = [
    ['second', 1],
    ['minute', 60],
    ['hour', 3600],
  ] as const;
  const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < 1e-6;
  const [unit, seconds] = units.find(([, seconds]) => isWhole(perSecond * seconds)) ?? units[0];
  return `at most ${plural(Math.round(perSecond * seconds), 'coupon')} per ${unit}`;
}

function keyLines({ served, keysFile, isTerminal }: Greeting, screen: Screen): string[] {
  const { keys, madeKeys } = served;
  if (keysFile === null) return [];
  if (madeKeys.length === 0 || !isTerminal) return ['', `The keys are in ${keysFile}`];
  const shown = (['adminKey', 'serviceKey'] as const).filter((name) => madeKeys.includes(name));
  return [
    '',
    'These keys were made just now and are shown this once; the file has them all:',
    '',
    ...fields([...shown.map((name) => [name, screen.paint('bold', keys[name])] as const), ['file', keysFile]]),
  ];
}

const sourceOf = ({ config, keysFile }: Greeting): KeySource =>
  config.serviceKey === null && keysFile !== null ? { keysFile } : { variable: 'DIBS_SERVICE_KEY' };

/** The address that a client on this machine uses for a server that listens on all of them. */
export const addressOf = (url: string): string => url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]');
