import process from 'node:process';
import type { LabHooks, Selected } from '../../lab/lab.ts';
import type { Screen } from '../screen.ts';
import { clip, count } from '../text.ts';
import { type Named, nameOf } from './names.ts';

/** Shows how far the lab has come: a line that is drawn anew on a terminal, else a line for each run. */
export interface RunProgress extends Omit<LabHooks, 'traced'> {
  /** Services are started, which takes a while. */
  readonly starting: (names: readonly string[]) => void;
  /** Takes the line away. */
  end(): void;
}

/** What is to be run: so many, each of so many claims. */
interface Runs {
  readonly selected: readonly Selected[];
  readonly claims: number;
}

const redrawMs = 100;

export function createRunProgress(screen: Screen, { selected, claims }: Runs): RunProgress {
  if (screen.json) return { starting() {}, begun() {}, answered() {}, end() {} };
  const { stderr } = process;
  const named: Named[] = selected.map(({ strategy, variant, database }) => ({
    strategy: strategy.name,
    variant,
    database,
  }));
  let title = '';
  let done = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  // A line that fills the last column goes on in the next, and would not be drawn over.
  const draw = (line: string): void => void stderr.write(`\r${clip(line, (stderr.columns ?? 80) - 1)}\u001b[K`);
  const tell = (line: string): void => (stderr.isTTY ? draw(line) : screen.aside(line));
  return {
    starting: (names) => tell(`starting ${names.join(', ')} …`),
    begun({ place }, tries) {
      const one = named[place - 1];
      const again = tries === 1 ? '' : ', once more: no race has shown';
      title = `${place} of ${selected.length}: ${one === undefined ? '' : nameOf(one, named)}${again}`;
      done = 0;
      tell(title);
    },
    answered() {
      done += 1;
      if (!stderr.isTTY || performance.now() - drawnAt < redrawMs) return;
      drawnAt = performance.now();
      draw(`${title}, ${count(done)} of ${count(claims)} claims answered`);
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K');
    },
  };
}
