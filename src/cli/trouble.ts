import { DibsError } from '../core/errors.ts';

/** What a command ends with: 0 done, 1 the answer is no or there is trouble, 2 it was called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** Why a command cannot do what it was asked, in words for whoever typed it. */
export class CliTrouble extends Error {
  override readonly name = 'CliTrouble';
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What to do about it, in a sentence or two; null where the message says it. */
  readonly remedy: string | null;
  /** More for `--json` alone. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: {
      readonly exitCode?: ExitCode;
      readonly remedy?: string | null;
      readonly details?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message);
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
    this.remedy = options.remedy ?? null;
    this.details = options.details ?? {};
  }
}

/** The command was called wrongly. */
export const usage = (message: string, remedy: string | null = null): CliTrouble =>
  new CliTrouble('usage', message, { exitCode: 2, remedy });

/** Anything thrown, as trouble; what nobody foresaw keeps its stack, for a report. */
export function asTrouble(error: unknown): CliTrouble {
  if (error instanceof CliTrouble) return error;
  if (error instanceof DibsError) {
    // Whatever the machine said, such as that a port is taken, is not the fault of the command line.
    const exitCode = error.code === 'invalid_configuration' && error.cause === undefined ? 2 : 1;
    // Those messages say themselves what to do.
    const remedy = ['invalid_configuration', 'store_unfit', 'unavailable'].includes(error.code) ? null : error.remedy;
    return new CliTrouble(error.code, error.message, { exitCode, remedy, details: error.details });
  }
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliTrouble('internal', said, { remedy: 'This should not happen: please report it.' });
}
