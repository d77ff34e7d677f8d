/** The log of a server, by which somebody is woken: levels, causes, and a stack only where a programmer is needed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly type: string; readonly code?: string; readonly message: string; readonly stack?: string };
}

const at = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);

/** What a process writes that runs `script` with an `alarm` and a `log`. */
async function linesOf(script: string): Promise<Line[]> {
  const whole = `
    import { alarmTo, createServerLog } from ${at('src/cli/serve/server-log.ts')};
    import { DibsError } from ${at('src/core/errors.ts')};
    const log = await createServerLog({ json: true });
    const alarm = alarmTo(log);
    ${script}`;
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', whole]);
  return stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('the log of a server', () => {
  test('has trouble as errors with their cause and no stack, and its end as information', async () => {
    const [lost, refused, over] = await linesOf(`
      const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.2:6379'), { code: 'ECONNREFUSED' });
      alarm('Redis is lost', new DibsError('unavailable', 'It is not connected.', { cause }));
      alarm('Redis is lost', cause);
      alarm('Redis is there again', null, true);`);
    assert.deepEqual([lost?.level, refused?.level, over?.level, over?.msg], [50, 50, 30, 'Redis is there again']);
    assert.deepEqual(lost?.err, {
      type: 'DibsError',
      code: 'unavailable',
      message: 'It is not connected. (connect ECONNREFUSED 10.0.0.2:6379)',
    });
    assert.deepEqual(refused?.err, {
      type: 'Error',
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED 10.0.0.2:6379',
    });
  });

  test('says a cause once where the trouble has told it', async () => {
    const [line] = await linesOf(`
      const cause = new Error('NOAUTH Authentication required.');
      alarm('lost', new DibsError('unavailable', 'Redis refuses: NOAUTH Authentication required; try on.', { cause }));`);
    assert.equal(line?.err?.message, 'Redis refuses: NOAUTH Authentication required; try on.');
  });

  test('has the stack of what nobody foresaw, also where it is the cause of trouble', async () => {
    const lines = await linesOf(`
      for (const error of [new Error('what'), new TypeError('x is not a function')]) log.error({ err: error }, 'oh');
      const cause = new TypeError('x is not a function');
      log.error({ err: new DibsError('unknown_outcome', undefined, { cause }) }, 'oh');`);
    assert.equal(lines.length, 3);
    for (const { err } of lines) assert.match(err?.stack ?? '', /\n +at /);
    assert.match(lines[2]?.err?.stack ?? '', /x is not a function/);
  });
});
