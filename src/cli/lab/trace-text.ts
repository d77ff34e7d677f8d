import type { LabTrace } from '../../lab/trace.ts';
import type { TraceLine } from '../../lab/turns.ts';
import { calledOf } from '../../lab/terms.ts';
import type { Screen } from '../screen.ts';
import { clip, displayWidth, fold, padEnd, plural, visible, wrap } from '../text.ts';

const rule = ' │ ';

/** Two claims side by side, each step below what happened before it. */
export function traceLines(trace: LabTrace, screen: Screen): string[] {
  const width = Math.floor((screen.width - rule.length) / 2);
  const cells = (text: string): string[] =>
    text === '' ? [] : wrap(visible(text), width).flatMap((piece) => fold(piece, width));
  const side = (claim: 0 | 1, lines: readonly string[]): string[] =>
    lines.map((line) =>
      claim === 0 ? `${padEnd(line, width)}${rule}`.trimEnd() : `${' '.repeat(width)}${rule}${line}`,
    );
  const both = (left: string, right: string): string => `${padEnd(left, width)}${rule}${right}`;
  const [first, second] = trace.users;
  const where = trace.database === 'sqlite' ? '' : ` on ${trace.database}`;
  const left = trace.before === 0 ? 'one place' : `one place of ${trace.capacity} left`;
  const how = trace.fault === null ? '' : `, with ${trace.fault}`;
  return [
    screen.paint('bold', `${calledOf(trace.strategy, trace.variant)}${where}: two claims, ${left}${how}`),
    both(`A: ${first}`, `B: ${second}`),
    both('─'.repeat(width), '─'.repeat(width)),
    ...trace.lines.flatMap((line) => [
      ...side(line.claim, cells(done(line, width))),
      // Of what a store tells of itself, what it did and upon which key is enough.
      ...side(
        line.claim,
        line.seen.map((said) => clip(visible(`  ${said}`), width)),
      ),
      ...side(line.claim, cells(came(line, width))),
    ]),
    ...(trace.isCut ? wrap('More steps were taken, without turns, than are shown here.', screen.width) : []),
    ...trace.answers.flatMap((answer, claim) => side(claim as 0 | 1, cells(`told: ${answer}`))),
    `${plural(trace.issued, 'coupon')} for ${plural(trace.capacity, 'place')}: ${trace.verdict}`,
    '',
  ];
}

/** What was done, and what came of it where both fit one line. */
function done(line: TraceLine, width: number): string {
  return inOneLine(line, width) ? `${whatOf(line)} ${outcomeOf(line)}` : whatOf(line);
}

/** What came of it, where that needs a line of its own. */
const came = (line: TraceLine, width: number): string => (inOneLine(line, width) ? '' : outcomeOf(line));

const inOneLine = (line: TraceLine, width: number): boolean =>
  line.seen.length === 0 && displayWidth(`${whatOf(line)} ${outcomeOf(line)}`) <= width;

const whatOf = ({ byConsumer, text, isEnd }: TraceLine): string =>
  `${byConsumer ? 'consumer: ' : ''}${isEnd ? '… goes on' : text}`;

const outcomeOf = ({ outcome, isTrouble, times }: TraceLine): string =>
  `${isTrouble ? '✗' : '→'} ${outcome ?? 'waits'}${times === 1 ? '' : `, ${times} times`}`;
