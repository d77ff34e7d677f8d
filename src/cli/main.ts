import process from 'node:process';
import { CommanderError } from 'commander';
import { buildProgram } from './program.ts';
import { createScreen } from './screen.ts';
import { asTrouble, usage } from './trouble.ts';

/** Runs one command line; what it ends with is in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  const end = argv.indexOf('--');
  const screen = createScreen(argv.slice(0, end === -1 ? argv.length : end).includes('--json'));
  try {
    const name = argv.find((word) => !word.startsWith('-'));
    outliveReaders(['serve', 'api', 'worker', 'lab'].includes(name ?? ''));
    const wanted = name === 'help' ? argv[argv.indexOf('help') + 1] : name;
    const program = await buildProgram(wanted ?? null);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    // Help that was not asked for has been written already, in place of a message.
    if (error instanceof CommanderError && error.code === 'commander.help') {
      process.exitCode = 2;
      return;
    }
    const trouble =
      error instanceof CommanderError
        ? usage(error.message.replace(/^error: /, ''), '`--help` shows what there is.')
        : asTrouble(error);
    screen.trouble(trouble);
    process.exitCode = trouble.exitCode;
  }
}

/**
 * Whoever reads may stop reading (`dibs coupons demo | head`, a terminal that is closed). A command then has nothing left
 * to do, and nothing is wrong; a server goes on, and answers what it has taken when it stops, and the lab first takes down
 * what it has made.
 */
function outliveReaders(goesOn: boolean): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (goesOn) return;
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
