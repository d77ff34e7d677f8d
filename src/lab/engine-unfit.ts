import type { Circumstances, Lesson } from './terms.ts';

/** Why the engine itself cannot be run so; null where it can. */
export function engineUnfit({ fault, database }: Circumstances): Lesson | null {
  if (fault === 'duplicate-delivery')
    return {
      en: 'reads its own outbox from the place that its ledger has noted, and the lab cannot reach in between: docs/proofs.md tells which tests do',
      ko: '원장에 적힌 곳부터 자기 아웃박스를 읽어서 랩이 그 사이에 끼어들 수 없다: 어떤 테스트가 하는지는 docs/proofs.md에 있다',
    };
  if (fault === 'slow-db' && database === 'sqlite')
    return {
      en: 'has SQLite in its own process, where a slow statement stops everything, as one of a server does not: give it MariaDB or PostgreSQL for its ledger',
      ko: 'SQLite가 같은 프로세스 안에 있어 느린 문장 하나가 모두를 멈추는데, 서버라면 그렇지 않다: 원장을 MariaDB나 PostgreSQL로 한다',
    };
  return null;
}
