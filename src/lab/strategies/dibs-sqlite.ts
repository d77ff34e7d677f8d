import { engineUnfit } from '../engine-unfit.ts';
import type { Strategy } from '../strategy.ts';

/** This engine on one machine: its gate is a file. */
export const strategy: Strategy = {
  name: 'dibs-sqlite',
  lesson: {
    en: 'The gate decides all claims of a moment in one transaction and answers once it is on the disk; place, user and the entry for the ledger are one act. A claim whose answer was lost gets the same win when it is sent again.',
    ko: '게이트는 한순간에 모인 신청을 트랜잭션 하나로 판단하고 디스크에 남은 뒤에야 답하며, 자리와 사용자와 원장에 보낼 기록이 한 동작이다. 답을 잃어버린 신청은 다시 보내면 같은 당첨을 받는다.',
  },
  variants: [],
  needs: () => ['engine'],
  crashBehind: 'dibs.claim',
  unfit: (circumstances) =>
    circumstances.servers === 1
      ? engineUnfit(circumstances)
      : {
          en: 'holds the file of its gate in one process, and a second one is refused (store_locked): many servers share dibs-redis',
          ko: '게이트 파일을 한 프로세스가 쥐고 있어 두 번째는 거절된다(store_locked): 서버가 여럿이면 dibs-redis를 쓴다',
        },
  expects: () => ['safe'],
  open: () => ({ claim: (userId, { engine }) => engine(userId) }),
};
