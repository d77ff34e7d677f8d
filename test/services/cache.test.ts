import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { cache, cached } from '../../services/cache.ts';

describe('what is fetched once', () => {
  const given = process.env['XDG_CACHE_HOME'];
  let home = '';
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'dibs-cache-'));
    process.env['XDG_CACHE_HOME'] = home;
  });
  after(async () => {
    if (given === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = given;
    await rm(home, { recursive: true, force: true });
  });

  const kept = async (): Promise<string[]> => (await readdir(join(home, 'dibs'))).toSorted();

  test('is kept, and not made again', async () => {
    let made = 0;
    const make = async (folder: string): Promise<void> => {
      made += 1;
      await writeFile(join(folder, 'file'), 'here');
    };
    for (let i = 0; i < 2; i += 1) assert.equal(await cache('thing', make), cached('thing'));
    assert.equal(made, 1);
    assert.equal(await readFile(join(cached('thing'), 'file'), 'utf8'), 'here');
  });

  test('is whole, and one, where two fetch it at once', async () => {
    const waiting: (() => void)[] = [];
    const make = async (folder: string): Promise<void> => {
      await writeFile(join(folder, 'file'), 'here');
      await new Promise<void>((resolve) => waiting.push(resolve) === 2 && waiting.forEach((go) => go()));
    };
    const paths = await Promise.all([cache('both', make), cache('both', make)]);
    assert.deepEqual(paths, [cached('both'), cached('both')]);
    assert.deepEqual(await kept(), ['both', 'thing']);
  });

  test('is not there where fetching it failed', async () => {
    await assert.rejects(
      cache('half', () => Promise.reject(new Error('cut off'))),
      /cut off/,
    );
    assert.deepEqual(await kept(), ['both', 'thing']);
  });
});
