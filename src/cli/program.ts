import process from 'node:process';
import { Command } from 'commander';
import { versionOf } from './version.ts';

type Define = (command: Command) => void;

/** Every command; the code of one is loaded only where it is called, which is most of a fast start. */
const commands: readonly { readonly name: string; readonly summary: string; readonly load: () => Promise<Define> }[] = [
  {
    name: 'serve',
    summary: 'run the server: everything in one process',
    load: async () => (await import('./commands/serve.ts')).defineServe,
  },
  {
    name: 'api',
    summary: 'decide claims around a shared gate: one of any number',
    load: async () => (await import('./commands/api.ts')).defineApi,
  },
  {
    name: 'worker',
    summary: 'relay and issue around a shared gate: one of any number',
    load: async () => (await import('./commands/worker.ts')).defineWorker,
  },
  {
    name: 'demo',
    summary: 'send a crowd at an event of 100 coupons, and prove the outcome',
    load: async () => (await import('./commands/demo.ts')).defineDemo,
  },
  {
    name: 'lab',
    summary: 'race the usual ways to do it against each other, and see which break',
    load: async () => (await import('./commands/lab.ts')).defineLab,
  },
  {
    name: 'event',
    summary: 'create, list, show and change events',
    load: async () => (await import('./commands/event.ts')).defineEvent,
  },
  {
    name: 'claim',
    summary: 'claim one place for one user',
    load: async () => (await import('./commands/claim.ts')).defineClaim,
  },
  {
    name: 'coupons',
    summary: 'list what has been issued',
    load: async () => (await import('./commands/coupons.ts')).defineCoupons,
  },
  {
    name: 'token',
    summary: 'make a token with which one user may claim',
    load: async () => (await import('./commands/token.ts')).defineToken,
  },
  {
    name: 'audit',
    summary: 'compare gate, log and ledger, slot by slot',
    load: async () => (await import('./commands/audit.ts')).defineAudit,
  },
  {
    name: 'failed',
    summary: 'see and settle the wins that the ledger refused',
    load: async () => (await import('./commands/failed.ts')).defineFailed,
  },
  {
    name: 'recover',
    summary: 'rebuild an event whose gate was lost',
    load: async () => (await import('./commands/recover.ts')).defineRecover,
  },
  {
    name: 'migrate',
    summary: "bring the ledger's schema to this version",
    load: async () => (await import('./commands/migrate.ts')).defineMigrate,
  },
];

const footer = `
Start with "dibs serve", then "dibs demo" in another terminal.
Exit codes: 0 done; 1 the answer is no, or there is trouble; 2 called wrongly.`;

/** The command line: with the code of the command `wanted` alone, or of all of them for `*`. */
export async function buildProgram(wanted: string | null): Promise<Command> {
  const program = new Command('dibs')
    .description('A first-come-first-served event engine: N places to the first N claims.')
    .version(versionOf(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', footer)
    .configureHelp({ helpWidth: Math.min(80, process.stdout.columns ?? 80) })
    // What commander would say, and the code it would exit with, are for main.ts to tell.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const { name, summary, load } of commands) {
    const command = program.command(name).summary(summary).description(sentence(summary));
    if (wanted === name || wanted === '*') (await load())(command);
  }
  return program;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
