import process from 'node:process';
import type { Screen } from '../screen.ts';
import { count } from '../text.ts';

/** Shows how far a run has come: a bar on a terminal, else a line for every quarter; nothing for programs. */
export interface Progress {
  tick(done: number): void;
  /** Takes the bar away. */
  end(): void;
}

const barWidth = 30;
const redrawMs = 100;

export function createProgress(screen: Screen, total: number, what: string): Progress {
  if (screen.json) return { tick() {}, end() {} };
  const { stderr } = process;
  const startedAt = performance.now();
  const rateAt = (done: number): string => count(Math.round((done * 1000) / (performance.now() - startedAt)));
  if (!stderr.isTTY) {
    let quarter = 0;
    return {
      tick(done) {
        const reached = Math.floor((done * 4) / total);
        if (reached === quarter) return;
        quarter = reached;
        screen.aside(`${count(done)} of ${count(total)} ${what}, ${rateAt(done)}/s`);
      },
      end() {},
    };
  }
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    tick(done) {
      if (done < total && performance.now() - drawnAt < redrawMs) return;
      drawnAt = performance.now();
      const filled = Math.floor((done * barWidth) / total);
      const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
      const share = String(Math.floor((done * 100) / total)).padStart(3);
      stderr.write(`\r${bar} ${share} %  ${count(done)} of ${count(total)}, ${rateAt(done)}/s\u001b[K`);
    },
    end: () => void stderr.write('\r\u001b[K'),
  };
}
