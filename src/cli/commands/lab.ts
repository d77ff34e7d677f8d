import process from 'node:process';
import { type Command, Option } from 'commander';
import { strategies } from '../../lab/catalog.ts';
import { type LabOutcome, runLab } from '../../lab/lab.ts';
import { databaseNames, faultNames, serverCounts } from '../../lab/strategy.ts';
import { openServices } from '../../lab/services.ts';
import { addFlags } from '../act.ts';
import { strategyDocument, strategyLines } from '../lab/list-text.ts';
import { labPlanOf, languageOf, neededBy } from '../lab/options.ts';
import { createRunProgress } from '../lab/progress.ts';
import { reportLines } from '../lab/report-text.ts';
import { traceLines } from '../lab/trace-text.ts';
import { createScreen, type Screen } from '../screen.ts';
import { CliTrouble, type ExitCode } from '../trouble.ts';

export function defineLab(lab: Command): void {
  const list = lab
    .command('list')
    .description('List the strategies: what each does, and how it is expected to end.')
    .option('--lang <language>', 'en or ko', 'en');
  doesAlone(list, async (screen) => {
    const language = languageOf(list.opts<{ lang: string }>().lang);
    screen.document({ strategies: strategies.map(strategyDocument) });
    screen.lines(...strategies.flatMap((strategy) => strategyLines(strategy, language, screen)));
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
    .option('--database <name>', databaseNames.join(', '), 'sqlite')
    .option('--partitions <n>', 'of redis-incr-kafka only the variants with so many partitions: 1 or 2')
    .option('--keyed', 'of redis-incr-kafka only the variant whose messages have a key')
    .option('--trace', 'show for each strategy how two claims race, step by step');
  for (const [name, variable, what] of [
    ['redis', 'DIBS_LAB_REDIS', 'Redis: redis://host:6379'],
    ['kafka', 'DIBS_LAB_KAFKA', 'Kafka: kafka://host:9092'],
    ['mariadb', 'DIBS_LAB_MARIADB', 'MariaDB, as who may make databases: mysql://root@host/mysql'],
    ['postgres', 'DIBS_LAB_POSTGRES', 'PostgreSQL, as who may make databases: postgres://postgres@host/postgres'],
  ] as const) {
    run.addOption(new Option(`--${name} <url>`, what).env(variable));
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
  const plan = labPlanOf(command, stop.signal);
  const onSignal = (): void => stop.abort();
  // Once each: a second Ctrl-C ends the lab whether it has cleaned up or not.
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const progress = createRunProgress(screen, plan.selected.length);
  const services = await openServices(plan.addresses, neededBy(plan));
  try {
    const outcomes: LabOutcome[] = [];
    for await (const outcome of runLab({ ...plan, addresses: services.addresses }, progress)) {
      outcomes.push(outcome);
      progress.end();
      if (outcome.trace !== null) screen.lines(...traceLines(outcome.trace, screen));
    }
    const runs = outcomes.flatMap(({ run }) => run ?? []);
    const skipped = outcomes.flatMap(({ skip }) => skip ?? []);
    const traces = outcomes.flatMap(({ trace }) => trace ?? []);
    const ok = runs.every(({ asExpected }) => asExpected);
    screen.document({ ok, seed: plan.seed, runs, skipped, traces });
    screen.lines(...reportLines({ seed: plan.seed, runs, skipped }, screen));
    return ok ? 0 : 1;
  } catch (error) {
    throw stop.signal.aborted ? new CliTrouble('stopped', 'Stopped before the end.') : error;
  } finally {
    progress.end();
    await services.stop();
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}
