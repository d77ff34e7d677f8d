import process from 'node:process';
import { styleText } from 'node:util';
import { wrap } from './text.ts';
import type { CliTrouble } from './trouble.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Where a command writes: its outcome to stdout, everything else to stderr. */
export interface Screen {
  /** True: stdout carries JSON and nothing else. */
  readonly json: boolean;
  /** How many columns a line may have. */
  readonly width: number;
  /** Lines for people; nothing where JSON is asked for. */
  lines(...lines: readonly string[]): void;
  /** The outcome as JSON; nothing where it is not asked for. */
  document(value: unknown): void;
  /** Text beside the outcome, wrapped; nothing where JSON is asked for. */
  aside(text: string): void;
  trouble(trouble: CliTrouble): void;
  /** Coloured where stdout is a terminal that has colours and `NO_COLOR` is not set. */
  readonly paint: (style: Style, text: string) => string;
}

const widthMax = 80;

export function createScreen(json: boolean): Screen {
  const { stdout, stderr } = process;
  const width = Math.min(widthMax, stdout.columns ?? widthMax);
  // `hasColors` is what heeds NO_COLOR, FORCE_COLOR and TERM; it is there on terminals alone.
  const paintOn = (stream: NodeJS.WriteStream, style: Style, text: string): string =>
    stream.isTTY && stream.hasColors() ? styleText(style, text, { validateStream: false }) : text;
  return {
    json,
    width,
    lines(...lines) {
      if (!json) stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
    document(value) {
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
    },
    aside(text) {
      if (!json)
        stderr.write(
          wrap(text, width)
            .map((line) => `${line}\n`)
            .join(''),
        );
    },
    trouble(trouble) {
      const { code, message, remedy, details } = trouble;
      if (json) stderr.write(`${JSON.stringify({ error: { code, message, remedy, ...details } })}\n`);
      else {
        const [first = '', ...rest] = wrap(`dibs: ${message}`, width);
        const lines = [paintOn(stderr, 'red', first), ...rest, ...(remedy === null ? [] : wrap(remedy, width))];
        stderr.write(lines.map((line) => `${line}\n`).join(''));
      }
    },
    paint: (style, text) => paintOn(stdout, style, text),
  };
}
