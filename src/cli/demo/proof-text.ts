import type { Screen } from '../screen.ts';
import { count, padStart, plural, visible, wrap } from '../text.ts';
import type { Proof } from './proof.ts';

/** A proof, for people: each number with what it is and what it has to be. */
export function proofLines(proof: Proof, screen: Screen): string[] {
  const { paint } = screen;
  const { capacity, users, won, issued, over, duplicates, lost, replayed, soldOut, unknown, retries, audit } = proof;
  const expected = Math.min(capacity, users);
  const width = Math.max(...[won, issued, soldOut].map((number) => count(number).length));
  const row = (name: string, number: number, meaning: string, isRight: boolean | null): string => {
    const figure = padStart(count(number), width);
    const shown = isRight === null ? figure : paint(isRight ? 'green' : 'red', figure);
    return `  ${name.padEnd(11)} ${shown}  ${meaning}`;
  };
  const { p50, p90, p99, p999, max } = proof.latencyMicros;
  const rate = `${count(proof.claimsPerSecond)} claims/s over ${proof.seconds.toFixed(2)} s`;
  return [
    row('won', won, `places answered as won, of ${count(expected)}`, won === expected),
    row('issued', issued, `coupons in the ledger, of ${count(expected)}`, issued === expected),
    row('over', over, `coupons beyond the capacity of ${count(capacity)}`, over === 0),
    row('duplicates', duplicates, 'users with two slots', duplicates === 0),
    row('lost', lost, 'answered wins without their own coupon', lost === 0),
    row('replayed', replayed, 'repeated clicks that were shown the win they had', null),
    row('sold out', soldOut, 'claims that came too late', null),
    row(
      'unknown',
      unknown,
      `claims without an answer, after ${plural(retries, 'retry').replace('retrys', 'retries')}`,
      unknown === 0,
    ),
    '',
    `  latency     p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  p99.9 ${ms(p999)}  max ${ms(max)}`,
    `  rate        ${rate} with ${count(proof.inFlight)} in flight (closed loop)`,
    `  audit       ${audit.ok ? paint('green', 'ok: gate, log and ledger agree') : paint('red', 'not ok')}`,
    ...[...audit.findings, ...proof.findings].flatMap(({ rule, message }) =>
      wrap(`${rule}: ${visible(message)}`, screen.width - 4).map((line) => `    ${line}`),
    ),
    '',
    proof.ok
      ? paint(
          'green',
          `Held: ${plural(expected, 'place')}, ${plural(won, 'user')}, ${plural(issued, 'coupon')}, each slot once.`,
        )
      : paint('red', 'Not held: see what is marked above.'),
  ];
}

/** Microseconds as milliseconds with three figures that count, from ten seconds on as seconds. */
function ms(micros: number): string {
  if (micros >= 10_000_000) return `${(micros / 1_000_000).toFixed(1)} s`;
  return `${micros < 100_000 ? (micros / 1000).toPrecision(3) : count(Math.round(micros / 1000))} ms`;
}
