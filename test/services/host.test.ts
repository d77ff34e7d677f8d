import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Service, ServiceName } from '../../services/services.ts';
import { askHost, openHost } from './host.ts';

describe('the host of a test run', () => {
  test('starts a service when it is asked for, once, and stops it at the end', async () => {
    const done: string[] = [];
    const start = async (name: ServiceName): Promise<Service> => {
      done.push(`start ${name}`);
      const stop = async () => void done.push(`stop ${name}`);
      return { name, url: `${name}://here`, stop } as unknown as Service;
    };
    const { path, close } = await openHost(start);
    const urls = await Promise.all([askHost(path, 'redis'), askHost(path, 'redis'), askHost(path, 'kafka')]);
    assert.deepEqual(urls, ['redis://here', 'redis://here', 'kafka://here']);
    await close();
    assert.deepEqual(done.toSorted(), ['start kafka', 'start redis', 'stop kafka', 'stop redis']);
    assert.ok(!existsSync(path));
  });

  test('tells what is wrong', async () => {
    const { path, close } = await openHost(() => Promise.reject(new Error('no such jar')));
    await assert.rejects(askHost(path, 'kafka'), /no such jar/);
    await assert.rejects(askHost(path, 'mongo' as ServiceName), /no service mongo/);
    await close();
  });
});
