import { calledOf } from '../../lab/strategy.ts';
import type { LabTrace, TraceLine } from '../../lab/trace.ts';
import type { Screen } from '../screen.ts';
import { displayWidth, padEnd, plural, visible, wrap } from '../text.ts';

const rule = ' │ ';

/** Two claims side by side, each step below what happened before it. */
export function traceLines(trace: LabTrace, screen: Screen): string[] {
  const width = Math.floor((screen.width - rule.length) / 2);
  const cells = (text: string): string[] =>
    text.split('\n').flatMap((line) => wrap(visible(line), width).flatMap((piece) => folded(piece, width)));
  const side = (claim: 0 | 1, lines: readonly string[]): string[] =>
    lines.map((line) =>
      claim === 0 ? `${padEnd(line, width)}${rule}`.trimEnd() : `${' '.repeat(width)}${rule}${line}`,
    );
  const both = (left: string, right: string): string => `${padEnd(left, width)}${rule}${right}`;
  const [first, second] = trace.users;
  return [
    screen.paint('bold', `${calledOf(trace.strategy, trace.variant)}: two claims, one place`),
    both(`A: ${first}`, `B: ${second}`),
    both('─'.repeat(width), '─'.repeat(width)),
    ...trace.lines.flatMap((line) => side(line.claim, cells(told(line, width)))),
    ...trace.answers.flatMap((answer, claim) => side(claim as 0 | 1, cells(`told: ${answer}`))),
    `${plural(trace.issued, 'coupon')} for 1 place: ${trace.verdict}`,
    '',
  ];
}

/** What was done and what came of it, in one line where that fits. */
function told({ byConsumer, text, outcome, isEnd, isTrouble }: TraceLine, width: number): string {
  const done = `${byConsumer ? 'consumer: ' : ''}${isEnd ? '… has waited' : text}`;
  const came = `${isTrouble ? '✗' : '→'} ${outcome ?? 'waits for the other'}`;
  return displayWidth(`${done} ${came}`) <= width ? `${done} ${came}` : `${done}\n${came}`;
}

/** A word that is longer than its column goes on below. */
function folded(line: string, width: number): string[] {
  const pieces = [];
  for (let from = 0; from === 0 || from < line.length; from += width) pieces.push(line.slice(from, from + width));
  return pieces;
}
