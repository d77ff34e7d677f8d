/** Runs a file of tests in a process of its own and tells what became of each. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The tests of one suite at the top of a file, each by `concern > test`. */
export interface SuiteOutcome {
  readonly passed: string[];
  readonly failed: string[];
  /** With the reason. */
  readonly skipped: string[];
}

/** What became of the tests of `file`, by the name of the suite that they stand in. */
export async function outcomesOf(file: URL): Promise<Map<string, SuiteOutcome>> {
  // The runner that this process belongs to must not take the other for one of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--test-reporter=tap', fileURLToPath(file)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const outcomes = new Map<string, SuiteOutcome>();
  const path: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) readLine(line, path, outcomes);
  await ended;
  return outcomes;
}

/** A line of TAP: `# Subtest:` goes one level down to a name, `ok` or `not ok` ends the test of that level. */
function readLine(line: string, path: string[], outcomes: Map<string, SuiteOutcome>): void {
  const [, indent = '', text = ''] = /^( *)(.*)$/.exec(line) ?? [];
  const depth = indent.length / 4;
  const begun = /^# Subtest: (.*)$/.exec(text);
  if (begun !== null) path.splice(depth, Infinity, plain(begun[1] ?? ''));
  const ended = /^(not ok|ok) \d+ - .*?(?: # SKIP ?(.*))?$/.exec(text);
  const [suite, ...rest] = path;
  if (ended === null || suite === undefined || depth !== path.length - 1 || depth === 0) return;
  const outcome = outcomes.get(suite) ?? { passed: [], failed: [], skipped: [] };
  outcomes.set(suite, outcome);
  const name = rest.join(' > ');
  if (ended[2] !== undefined) outcome.skipped.push(`${name}: ${plain(ended[2])}`);
  else if (ended[1] === 'ok') outcome.passed.push(name);
  else outcome.failed.push(name);
}

const plain = (text: string): string => text.replaceAll(/\\([#\\])/g, '$1');
