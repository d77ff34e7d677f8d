import type { Lesson } from '../../lab/terms.ts';
import { count, plural } from '../text.ts';

/** What a report says around its figures. Names, heads and verdicts are the same in every language. */
export interface ReportWords {
  readonly circumstances: (circumstances: {
    readonly claims: number;
    readonly capacity: number;
    readonly inFlight: number;
    readonly servers: number;
    readonly isOneUser: boolean;
    readonly fault: string | null;
    readonly database: string | null;
    readonly seed: number;
  }) => readonly string[];
  readonly asExpected: (runs: number) => string;
  readonly didNotRun: string;
  readonly unknown: string;
  readonly notStruck: string;
  readonly lastTry: (tries: number) => string;
  readonly shown: (tries: number) => string;
  readonly noRace: (tries: number) => string;
  readonly nothingGraver: (tries: number) => string;
  readonly lost: (winners: number) => string;
  /** How many of how many ended so while there were places. */
  readonly turnedAway: (early: number, all: number) => string;
  readonly issuedAtOnce: (capacity: number, coupons: number) => string;
  readonly overtaken: (coupons: number) => string;
  readonly surprise: (expected: readonly string[], verdict: string, meaning: string) => string;
  readonly nothingRan: string;
  readonly unexpected: (runs: number) => string;
  readonly troubled: (runs: number) => string;
  readonly missing: (names: readonly string[]) => string;
}

const part = (early: number, all: number): string => (early === all ? 'all' : early === 0 ? 'none' : count(early));

const en: ReportWords = {
  circumstances: ({ claims, capacity, inFlight, servers, isOneUser, fault, database, seed }) => [
    `${count(claims)} claims for ${count(capacity)} places`,
    `${count(inFlight)} in flight`,
    plural(servers, 'server'),
    isOneUser ? 'all of one user' : 'each of another user',
    ...(fault === null ? [] : [`with ${fault}`]),
    database ?? 'sqlite where no other database is named',
    `seed ${seed}`,
  ],
  asExpected: (runs) => `${plural(runs, 'run')}, every verdict as expected.`,
  didNotRun: 'Did not run',
  unknown: '-: not known, since a server that is killed takes along what it has counted.',
  notStruck: 'The fault has not struck, so that this shows nothing of it.',
  lastTry: (tries) => `That was try ${tries}, and the last.`,
  shown: (tries) => `It showed at try ${tries}.`,
  noRace: (tries) => `No race showed in ${tries} tries.`,
  nothingGraver: (tries) => `Nothing graver showed in ${tries} tries.`,
  lost: (winners) => `${plural(winners, 'winner')} without a coupon.`,
  turnedAway: (early, all) =>
    `${plural(all, 'claim')} ended with neither a place nor a reason, ${part(early, all)} of them while there were places.`,
  issuedAtOnce: (capacity, coupons) =>
    `When ${count(capacity)} wins had been answered, the table had ${plural(coupons, 'coupon')}.`,
  overtaken: (coupons) => `${plural(coupons, 'coupon')} stand before one with a smaller number.`,
  surprise: (expected, verdict, meaning) => `Expected ${expected.join(' or ')}; ${verdict} means: ${meaning}.`,
  nothingRan: 'Nothing ran.',
  unexpected: (runs) => `${plural(runs, 'run')} ended with another verdict than expected.`,
  troubled: (runs) => `${plural(runs, 'run')} met trouble and came to no end.`,
  missing: (names) => `Asked for, and did not run: ${names.join(', ')}.`,
};

const ko: ReportWords = {
  circumstances: ({ claims, capacity, inFlight, servers, isOneUser, fault, database, seed }) => [
    `${count(capacity)}자리에 신청 ${count(claims)}건`,
    `동시에 ${count(inFlight)}건`,
    `서버 ${servers}대`,
    isOneUser ? '모두 한 사람' : '저마다 다른 사람',
    ...(fault === null ? [] : [`장애 ${fault}`]),
    database ?? '따로 적지 않은 데이터베이스는 sqlite',
    `시드 ${seed}`,
  ],
  asExpected: (runs) => `${count(runs)}번 돌렸고 판정은 모두 예상대로입니다.`,
  didNotRun: '돌리지 않은 것',
  unknown: '-: 모름. 죽은 서버가 세어 둔 것은 서버와 함께 사라집니다.',
  notStruck: '장애가 한 번도 일어나지 않아서, 장애에 대해서는 아무것도 보여 주지 못합니다.',
  lastTry: (tries) => `${tries}번째이자 마지막 시도였습니다.`,
  shown: (tries) => `${tries}번째 시도에서 드러났습니다.`,
  noRace: (tries) => `${tries}번 돌려도 경쟁이 드러나지 않았습니다.`,
  nothingGraver: (tries) => `${tries}번 돌려도 더 심각한 것은 나오지 않았습니다.`,
  lost: (winners) => `당첨됐는데 쿠폰이 없는 사람이 ${count(winners)}명입니다.`,
  turnedAway: (early, all) =>
    `당첨도 소진도 아닌 답으로 끝난 신청이 ${count(all)}건이고, 그중 ${count(early)}건은 자리가 남아 있을 때였습니다.`,
  issuedAtOnce: (capacity, coupons) =>
    `당첨 ${count(capacity)}건을 답한 순간 테이블에는 쿠폰이 ${count(coupons)}장 있었습니다.`,
  overtaken: (coupons) => `쿠폰 ${count(coupons)}장이 번호가 더 작은 것보다 앞에 있습니다.`,
  surprise: (expected, verdict, meaning) => `예상은 ${expected.join(' 또는 ')}. ${verdict}의 뜻: ${meaning}.`,
  nothingRan: '아무것도 돌리지 못했습니다.',
  unexpected: (runs) => `${count(runs)}번은 판정이 예상과 다릅니다.`,
  troubled: (runs) => `${count(runs)}번은 문제가 생겨 끝까지 가지 못했습니다.`,
  missing: (names) => `이름을 주었는데 돌리지 못한 것: ${names.join(', ')}.`,
};

/** By language. */
export const reportWords: Readonly<Record<keyof Lesson, ReportWords>> = { en, ko };
