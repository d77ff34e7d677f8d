import { engineUnfit } from '../engine-unfit.ts';
import type { Strategy } from '../strategy.ts';

/** This engine on many machines: its gate is one script in Redis. */
export const strategy: Strategy = {
  name: 'dibs-redis',
  lesson: {
    en: 'One script checks user and place, allots the slot and writes the outbox entry, for a whole batch of claims in one round trip: there is no moment between two steps in which somebody could die. From the outbox the coupons reach the ledger, however often it is tried.',
    ko: '스크립트 하나가 신청 한 묶음의 사용자와 자리를 확인하고, 번호를 주고, 아웃박스까지 왕복 한 번에 적으니 두 동작 사이에서 죽을 틈이 없다. 쿠폰은 아웃박스에서 원장으로 옮겨지고, 몇 번을 다시 시도해도 한 장이다.',
  },
  variants: [],
  needs: () => ['engine', 'redis'],
  crashBehind: 'dibs.claim',
  unfit: engineUnfit,
  expects: () => ['safe'],
  open: () => ({ claim: (userId, { engine }) => engine(userId) }),
};
