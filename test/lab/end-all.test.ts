import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endAll, LeftBehind } from '../../src/lab/end-all.ts';

test('all are taken down in their order, whatever becomes of one, and those that could not be are named', async () => {
  const ended: string[] = [];
  const ending = (what: string, failure: string | null = null) => ({
    what,
    async end() {
      ended.push(what);
      if (failure !== null) throw new Error(failure);
    },
  });
  await endAll([ending('a'), ending('b')]);
  assert.deepEqual(ended.splice(0), ['a', 'b']);
  const all = endAll([ending('a'), ending('b', 'no'), ending('c', 'never'), ending('d')]);
  await assert.rejects(all, (error) => {
    assert.ok(error instanceof LeftBehind);
    assert.equal(error.message, 'b could not be taken down: no; c could not be taken down: never');
    return true;
  });
  assert.deepEqual(ended, ['a', 'b', 'c', 'd']);
});
