/** `docs/problems.md` explains every code that there is, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type TroubleCode, troubles } from '../../src/core/errors.ts';
import { problem, problemCodeOf, statusOf } from '../../src/http/problem.ts';

const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+)` \| (\d{3}) \| (yes|no) \| ([^|]+) \| ([^|]+) \|$/gm)];
const codes = Object.keys(troubles) as TroubleCode[];

describe('docs/problems.md', () => {
  test('explains each code once, and no code that there is not', () => {
    assert.deepEqual(rows.map(([, code = '']) => code).toSorted(), codes.toSorted());
  });

  test('says the status of each, and whether to send it again', () => {
    for (const [, code = '', status = '', again = ''] of rows) {
      const known = code as TroubleCode;
      assert.equal(Number(status), statusOf[problemCodeOf(known)], code);
      assert.equal(again === 'yes', troubles[known].retryable, code);
    }
  });

  test('shows a problem as it is', () => {
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    const shown = JSON.parse(example) as Record<string, unknown>;
    const made = JSON.parse(problem('not_open', String(shown['detail']), { opensAt: shown['opensAt'] }).body) as object;
    assert.deepEqual(made, shown);
  });
});

describe('a problem document', () => {
  test('keeps its own members whatever the details are called', () => {
    const { body, status } = problem('sold_out', 'all gone', {
      status: 200,
      code: 'won',
      title: 'x',
      type: 'y',
      more: 1,
    });
    assert.equal(status, 409);
    assert.deepEqual(JSON.parse(body), {
      type: '/problems/sold_out',
      title: troubles.sold_out.title,
      status: 409,
      detail: 'all gone',
      code: 'sold_out',
      more: 1,
    });
  });

  test('of 503 says when to ask again, not to all the same', () => {
    const asked = new Set(Array.from({ length: 30 }, () => problem('overloaded').headers['Retry-After'] ?? ''));
    assert.deepEqual([...asked].toSorted(), ['1', '2', '3']);
    assert.equal(problem('sold_out').headers['Retry-After'], undefined);
  });
});
