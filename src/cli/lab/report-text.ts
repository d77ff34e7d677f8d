import type { LabRun, LabSkip } from '../../lab/outcome.ts';
import { isMildest, meanings } from '../../lab/verdict.ts';
import type { Lesson } from '../../lab/terms.ts';
import type { Screen } from '../screen.ts';
import { type Column, table } from '../table.ts';
import { count, displayWidth, visible, wrap } from '../text.ts';
import { areMixed, nameOf } from './names.ts';
import { type ReportWords, reportWords } from './report-words.ts';

/** All that a report tells. */
export interface Report {
  readonly seed: number;
  readonly claims: number;
  readonly runs: readonly LabRun[];
  readonly skipped: readonly LabSkip[];
  /** Why the lab has not shown what it was asked to show; null where it was stopped, and has only begun to. */
  readonly failures: readonly string[] | null;
  readonly language: keyof Lesson;
}

const right = (head: string): Column => ({ head, right: true });

// Two lines a run, since fifteen figures do not fit one: what became of the coupons, and what it cost.
const couponColumns: readonly Column[] = [
  { head: 'STRATEGY' },
  ...['ISSUED', 'OVER', 'UNDER', 'DUP', 'LOCKED', 'LEAKED'].map(right),
];
const costColumns: readonly Column[] = [
  { head: '  VERDICT' },
  ...['CLAIMS/S', 'P50', 'P99', 'LAST', 'STMTS', 'TRIPS', 'ABORTS', 'WAITS'].map(right),
];

/** Of more than these the heads of the columns have left a usual terminal of 24 lines before the last is read. */
const runsAtAGlance = 10;

/** What the lab has found, for people. */
export function reportLines(report: Report, screen: Screen): string[] {
  const { runs, skipped, failures, language } = report;
  const words = reportWords[language];
  const [first] = runs;
  return [
    ...(first === undefined ? [] : [...tableLines(report, screen), '']),
    ...skippedLines(skipped, language, screen),
    ...(first === undefined ? [] : wrap(circumstancesOf(report, first), screen.width)),
    ...(failures === null ? [] : endingLines(failures, words.asExpected(runs.length), screen)),
  ];
}

function endingLines(failures: readonly string[], asExpected: string, { paint, width }: Screen): string[] {
  if (failures.length === 0) return [paint('green', asExpected)];
  return failures.flatMap((failure) => wrap(failure, width)).map((line) => paint('red', line));
}

function circumstancesOf({ runs, claims, seed, language }: Report, first: LabRun): string {
  const { capacity, inFlight, servers, users, fault } = first;
  const database = areMixed(runs) ? null : first.database;
  const isOneUser = users === 'one';
  return reportWords[language]
    .circumstances({ claims, capacity, inFlight, servers, isOneUser, fault, database, seed })
    .join(', ');
}

function tableLines({ runs, language }: Report, screen: Screen): string[] {
  const coupons = table(
    couponColumns,
    runs.map((run) => couponCells(run, runs)),
    screen.width,
  );
  const costs = table(costColumns, runs.map(costCells), screen.width);
  // Tens of thousands of places: the names then stand on lines of their own.
  const isWide = coupons.some((line) => displayWidth(line) > screen.width);
  const figures = isWide
    ? table(
        couponColumns,
        runs.map((run) => ['', ...couponCells(run, runs).slice(1)]),
        screen.width,
      )
    : coupons;
  const heads = [figures[0] ?? '', costs[0] ?? ''].map((line) => screen.paint('bold', line));
  return [
    ...heads,
    ...runs.flatMap((run, i) => [
      ...(isWide ? [nameOf(run, runs)] : []),
      figures[i + 1] ?? '',
      screen.paint(run.asExpected ? 'dim' : 'red', costs[i + 1] ?? ''),
      ...notesOf(run, language).flatMap((note) => wrap(note, screen.width - 4).map((line) => `    ${line}`)),
    ]),
    ...(runs.length > runsAtAGlance ? heads : []),
    ...(runs.some(({ lockWaits }) => lockWaits === null)
      ? ['', ...wrap(reportWords[language].unknown, screen.width)]
      : []),
  ];
}

const couponCells = (run: LabRun, runs: readonly LabRun[]): string[] => [
  nameOf(run, runs),
  `${count(run.issued)}/${count(run.capacity)}`,
  ...[run.over, run.under, run.duplicates, run.lockedOut, run.leaked].map(count),
];

const costCells = (run: LabRun): string[] => [
  `  ${run.asExpected ? '✓' : '✗'} ${run.verdict}`,
  count(run.claimsPerSecond),
  time(run.p50Ms),
  time(run.p99Ms),
  run.lastCouponSeconds === null ? '-' : time(run.lastCouponSeconds * 1000),
  average(run.statementsPerClaim),
  average(run.roundTripsPerClaim),
  run.aborted === null ? '-' : count(run.aborted),
  run.lockWaits === null ? '-' : `${run.isLockWaitsLowerBound ? '≥' : ''}${count(run.lockWaits)}`,
];

/** At most six columns, of which two or three digits tell something: 0.52ms, 5.2ms, 52ms, 520ms, 5.20s, 52.0s, 520s. */
function time(ms: number): string {
  if (ms < 99.5) return `${ms < 9.95 ? ms.toFixed(ms < 0.995 ? 2 : 1) : Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  return `${seconds.toFixed(seconds < 9.995 ? 2 : seconds < 99.95 ? 1 : 0)}s`;
}

function average(value: number | null): string {
  if (value === null) return '-';
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** What the figures do not say by themselves. */
function notesOf(run: LabRun, language: keyof Lesson): string[] {
  const words = reportWords[language];
  const { capacity, issuedAtOnce, overtaken, lost, turnedAway, turnedAwayEarly, struck, tries, verdict } = run;
  const notes: string[] = [];
  if (!run.asExpected) notes.push(surpriseOf(run, language));
  if (struck === 0) notes.push(words.notStruck);
  if (tries > 1) notes.push(triesNote(run, words));
  if (lost > 0) notes.push(words.lost(lost));
  if (turnedAway > 0) notes.push(words.turnedAway(turnedAwayEarly, turnedAway));
  if (issuedAtOnce !== null && issuedAtOnce < Math.min(capacity, run.issued))
    notes.push(words.issuedAtOnce(capacity, issuedAtOnce));
  if (verdict === 'out-of-order' && overtaken !== null) notes.push(words.overtaken(overtaken));
  return notes;
}

function triesNote({ tries, verdict, expected, asExpected }: LabRun, words: ReportWords): string {
  if (!asExpected) return words.lastTry(tries);
  if (!isMildest(verdict, expected)) return words.shown(tries);
  return verdict === 'safe' ? words.noRace(tries) : words.nothingGraver(tries);
}

function surpriseOf({ verdict, expected, findings }: LabRun, language: keyof Lesson): string {
  const [finding] = findings;
  // What the checker of all of Dibs says is said in its language.
  const said = finding === undefined ? '' : ` ${finding.rule}: ${visible(finding.message)}.`;
  return `${reportWords[language].surprise(expected, verdict, meanings[verdict][language])}${said}`;
}

/** One reason may be that of several. */
function skippedLines(skipped: readonly LabSkip[], language: keyof Lesson, screen: Screen): string[] {
  if (skipped.length === 0) return [];
  const byReason = Map.groupBy(skipped, ({ reason }) => reason[language]);
  const lines = [...byReason].flatMap(([reason, all]) => {
    const names = all.map((one) => nameOf(one, skipped)).join(', ');
    return [
      ...wrap(names, screen.width - 2).map((line) => `  ${line}`),
      ...wrap(visible(reason), screen.width - 4).map((line) => `    ${line}`),
    ];
  });
  return [screen.paint('bold', reportWords[language].didNotRun), ...lines, ''];
}
