import process from 'node:process';
import { type Command, Option } from 'commander';
import { labVariables } from '../../config.ts';
import { type LabOutcome, runLab } from '../../lab/lab.ts';
import type { LabTrace } from '../../lab/trace.ts';
import { type ServiceName, serviceNames } from '../../lab/services.ts';
import { databaseNames, faultNames, serverCounts } from '../../lab/terms.ts';
import { addFlags } from '../act.ts';
import { type Ended, failuresOf } from '../lab/failures.ts';
import { listDocument, listLines } from '../lab/list-text.ts';
import { type AskedLab, askedLabOf, languageOf, neededBy } from '../lab/options.ts';
import { createRunProgress } from '../lab/progress.ts';
import { reportLines } from '../lab/report-text.ts';
import { type OpenServices, openServices } from '../lab/services.ts';
import { traceLines } from '../lab/trace-text.ts';
import { createScreen, type Screen } from '../screen.ts';
import { plural } from '../text.ts';
import { CliTrouble, type ExitCode } from '../trouble.ts';

export function defineLab(lab: Command): void {
  const list = lab
    .command('list')
    .description('List the strategies: what each does, and how it is expected to end.')
    .option('--lang <language>', 'en or ko', 'en');
  doesAlone(list, async (screen) => {
    const language = languageOf(list.opts<{ lang: string }>().lang);
    screen.document(listDocument());
    screen.lines(...listLines(language, screen));
    return 0;
  });
  const run = lab
    .command('run')
    .description('Run strategies against one crowd, and judge each by the checker of Dibs.')
    .argument('[strategy...]', 'names such as sql-count or sql-count:ge; all where absent')
    .option('--claims <n>', 'how many claims come', '1000')
    .option('--capacity <n>', 'how many places there are', '100')
    .option('--in-flight <n>', 'how many claims are on their way at once', '32')
    .option('--servers <n>', `how many server processes: ${serverCounts.join(' or ')}`, '1')
    .option('--users <who>', 'all: each claim is of another user; one: all are of one', 'all')
    .option('--seed <n>', 'the same seed gives the same order of arrival; made up where absent')
    .option('--fault <name>', faultNames.join(', '))
    .option('--database <name>', `${databaseNames.join(', ')}; where absent sqlite, or what it cannot on the others`)
    .option('--partitions <n>', 'of redis-incr-kafka only the variants with so many partitions: 1 or 2')
    .option('--keyed', 'of redis-incr-kafka only the variant whose messages have a key')
    .option('--lang <language>', 'en or ko: the language of what is said around the figures', 'en')
    .option('--trace', 'show for each strategy how two claims race, step by step');
  const places: Readonly<Record<ServiceName, string>> = {
    redis: 'Redis: redis://host:6379',
    kafka: 'Kafka: kafka://host:9092',
    mariadb: 'MariaDB, as who may make databases: mysql://root@host/mysql',
    postgres: 'PostgreSQL, as who may make databases: postgres://postgres@host/postgres',
  };
  for (const variable of labVariables) {
    const name = serviceNames.find((one) => variable.endsWith(one.toUpperCase()));
    if (name !== undefined) run.addOption(new Option(`--${name} <url>`, places[name]).env(variable));
  }
  doesAlone(run, (screen) => runStrategies(run, screen));
}

/** A command that needs neither a server nor its configuration. */
function doesAlone(command: Command, act: (screen: Screen) => Promise<ExitCode>): void {
  addFlags(command, []).action(async () => {
    process.exitCode = await act(createScreen('json' in command.opts()));
  });
}

async function runStrategies(command: Command, screen: Screen): Promise<ExitCode> {
  const stop = new AbortController();
  const asked = askedLabOf(command, stop.signal);
  const { language } = asked;
  const release = onLeave(() => stop.abort());
  const progress = createRunProgress(screen, asked);
  const outcomes: LabOutcome[] = [];
  let services: OpenServices | null = null;
  try {
    const { given } = asked;
    const needed = neededBy(asked);
    services = await openServices({ given, needed, signal: stop.signal, onStarting: progress.starting });
    const traced = (trace: LabTrace): void => {
      progress.end();
      screen.lines(...traceLines(trace, screen));
    };
    for await (const outcome of runLab({ ...asked, services }, { ...progress, traced })) {
      outcomes.push(outcome);
      progress.end();
    }
    const ended = endedOf(asked, outcomes);
    const failures = failuresOf(ended, language);
    const ok = failures.length === 0;
    const traces = outcomes.flatMap(({ trace }) => trace ?? []);
    const skipped = ended.skipped.map((skip) => ({ ...skip, reason: skip.reason[language] }));
    screen.document({ ok, failures, seed: asked.seed, runs: ended.runs, skipped, traces });
    screen.lines(...reportLines({ ...asked, ...ended, failures }, screen));
    return ok ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress.end();
    const ended = endedOf(asked, outcomes);
    if (ended.runs.length > 0) screen.lines(...reportLines({ ...asked, ...ended, failures: null }, screen));
    const done = `${outcomes.length} of ${plural(asked.selected.length, 'run')}`;
    throw new CliTrouble('stopped', `Stopped before the end, after ${done}.`);
  } finally {
    progress.end();
    await services?.stop();
    release();
  }
}

const endedOf = ({ names, selected }: AskedLab, outcomes: readonly LabOutcome[]): Ended => ({
  names,
  selected,
  runs: outcomes.flatMap(({ run }) => run ?? []),
  skipped: outcomes.flatMap(({ skip }) => skip ?? []),
});

/** npm and `timeout` pass a signal on that the whole group has got already: two of one keystroke come within milliseconds. */
const echoMs = 500;

/** Calls `leave` when the lab is to end early: by a signal, or since nobody reads any more what it writes. Gives what forgets it. */
function onLeave(leave: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let leftAt = Number.POSITIVE_INFINITY;
  const onSignal = (): void => {
    // A second Ctrl-C ends the lab whether it has cleaned up or not.
    if (performance.now() - leftAt > echoMs) process.exit(1);
    if (leftAt !== Number.POSITIVE_INFINITY) return;
    leftAt = performance.now();
    leave();
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.stdout.once('error', leave);
  return () => {
    process.stdout.removeListener('error', leave);
    // The second of two may come when all is done.
    if (leftAt === Number.POSITIVE_INFINITY) for (const signal of signals) process.removeListener(signal, onSignal);
  };
}
