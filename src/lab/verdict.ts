import type { Lesson } from './terms.ts';

/** How a run may end, the gravest first: the first that is true is the verdict. */
export const verdicts = [
  'duplicates',
  'over',
  'lost',
  'locked-out',
  'leaked',
  'misled',
  'under',
  'unfair',
  'out-of-order',
  'turned-away',
  'safe',
] as const;
export type Verdict = (typeof verdicts)[number];

/** Whether a run may have shown less than there is, by chance: something graver is expected as well, and nothing milder. */
export function isMildest(verdict: Verdict, expected: readonly Verdict[]): boolean {
  const [own, others] = [verdicts.indexOf(verdict), expected.map((one) => verdicts.indexOf(one))];
  return others.every((other) => other <= own) && others.some((other) => other < own);
}

/** What each of them means. */
export const meanings: Readonly<Record<Verdict, Lesson>> = {
  duplicates: { en: 'a user has more than one coupon', ko: '한 사람이 쿠폰을 두 장 이상 받았다' },
  over: { en: 'more coupons than places', ko: '수량보다 많이 발급됐다' },
  lost: { en: 'somebody was told "won" and has no coupon', ko: '당첨이라고 답했는데 쿠폰이 없다' },
  'locked-out': {
    en: 'a user without a coupon is told that he has one',
    ko: '쿠폰이 없는데 이미 참여했다고 거절당한다',
  },
  leaked: { en: 'a place is given away, and nobody has it', ko: '나간 자리인데 받은 사람이 없다' },
  misled: {
    en: 'somebody who has a coupon was told otherwise: that all are gone, or of another one',
    ko: '쿠폰을 받은 사람에게 소진됐다거나 다른 번호라고 답했다',
  },
  under: { en: 'sold out with places left', ko: '자리가 남았는데 소진이라고 답했다' },
  unfair: {
    en: 'told "sold out" before as many had claimed as there are places',
    ko: '자리 수만큼 신청이 들어오기도 전에 소진이라고 답했다',
  },
  'out-of-order': {
    en: 'who came later stands before who was answered earlier',
    ko: '나중에 온 사람이 먼저 온 사람 앞에 섰다',
  },
  'turned-away': {
    en: 'the books are right, but claims got neither a place nor a reason',
    ko: '장부는 맞지만, 당첨도 소진도 아닌 오류로 돌려보낸 신청이 있다',
  },
  safe: { en: 'nothing to find', ko: '문제 없음' },
};
