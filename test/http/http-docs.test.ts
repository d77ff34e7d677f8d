/** `docs/http.md` names every call, and no other; and what it says of limits and credentials is so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { defaultLimits } from '../../src/http/limits.ts';
import { credentials, type Operation } from '../../src/http/operation.ts';
import { operationNames, operations } from '../../src/http/operations.ts';
import { methodsAt } from '../../src/http/address.ts';

const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');

describe('docs/http.md', () => {
  test('lists every operation and who may call it', () => {
    const listed = [...page.matchAll(/^\| `([A-Z]+ \/\S*)` \| (.+) \|$/gm)].map(
      ([, call = '', who = '']) => `${call}: ${who}`,
    );
    const declared = Object.values(operations).map(({ method, path, credential }: Operation) => {
      const who =
        credential === 'loopback_or_admin'
          ? 'anyone on this machine, elsewhere admin'
          : credentials[credential].join(', ') || 'anyone';
      return `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}: ${who}`;
    });
    assert.deepEqual(listed.toSorted(), declared.toSorted());
  });

  test('shows curl lines of addresses that there are', () => {
    const lines = page.replaceAll('\\\n', ' ').match(/^curl .*$/gm) ?? [];
    assert.ok(lines.length > 10);
    for (const line of lines) {
      const path = /\$DIBS([^\s"?]*)/.exec(line)?.[1] ?? '';
      const method = /-X (\w+)/.exec(line)?.[1] ?? 'GET';
      assert.ok(methodsAt(path, operationNames).includes(method), line);
      const body = /-d '([^']*)'/.exec(line)?.[1];
      if (body !== undefined) assert.doesNotThrow(() => JSON.parse(body) as unknown, line);
    }
  });

  test('says the limits that hold', () => {
    const { bodyBytesMax, headerBytesMax, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = defaultLimits;
    const rows = [
      `| a body | ${bodyBytesMax / 1024} KiB |`,
      `| request line and headers | ${headerBytesMax / 1024} KiB |`,
      `| the time for the headers, for the whole request | ${headersTimeoutMs / 1000} s, ${requestTimeoutMs / 1000} s |`,
      `| an idle connection | ${keepAliveTimeoutMs / 1000} s`,
      `| connections | ${defaultLimits.connectionsMax.toLocaleString('en')} |`,
      `At most ${defaultLimits.streamClientsMax} may follow`,
      `after ${defaultLimits.stopGraceMs / 1000} s.`,
    ];
    for (const row of rows) assert.ok(page.includes(row), row);
  });
});
