import process from 'node:process';
import type { LabHooks } from '../../lab/lab.ts';
import { calledOf } from '../../lab/strategy.ts';
import type { Screen } from '../screen.ts';
import { count } from '../text.ts';

/** Shows how far the lab has come: a line that is drawn anew on a terminal, else a line for each run. */
export interface RunProgress extends LabHooks {
  /** Takes the line away. */
  end(): void;
}

const redrawMs = 100;

export function createRunProgress(screen: Screen, runs: number): RunProgress {
  if (screen.json) return { begun() {}, answered() {}, end() {} };
  const { stderr } = process;
  let name = '';
  let run = 0;
  let claims = 0;
  let done = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const title = (): string => `${run} of ${runs}: ${name}`;
  return {
    begun({ strategy, variant, place }, ofClaims, tries) {
      name = calledOf(strategy.name, variant);
      run = place;
      claims = ofClaims;
      done = 0;
      const again = tries === 1 ? '' : `, once more with ${count(ofClaims)} claims, since no race has shown`;
      if (!stderr.isTTY) screen.aside(`${title()}${again}`);
    },
    answered() {
      done += 1;
      if (!stderr.isTTY || performance.now() - drawnAt < redrawMs) return;
      drawnAt = performance.now();
      stderr.write(`\r${title()}, ${count(done)} of ${count(claims)} claims answered\u001b[K`);
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K');
    },
  };
}
