import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { freePort, onFreePorts, PortTaken } from '../../services/ports.ts';

describe('a free port', () => {
  test('can be listened on, and is none the kernel gives to those who connect', async () => {
    const port = await freePort();
    assert.ok(port >= 12_000 && port < 22_000, String(port));
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1' }, resolve);
    });
    server.close();
  });

  test('is another one where somebody was faster', async () => {
    const tried: (readonly number[])[] = [];
    const started = await onFreePorts(2, async (ports) => {
      tried.push(ports);
      if (tried.length < 3) throw new PortTaken('taken');
      return ports;
    });
    assert.equal(started, tried[2]);
    assert.equal(new Set(tried.flat()).size, 6);
  });

  test('is not looked for without end, nor where something else is wrong', async () => {
    let tries = 0;
    const fails = (error: Error) => () => {
      tries += 1;
      return Promise.reject(error);
    };
    await assert.rejects(onFreePorts(1, fails(new PortTaken('taken'))), PortTaken);
    assert.equal(tries, 5);
    tries = 0;
    await assert.rejects(onFreePorts(1, fails(new Error('broken'))), /broken/);
    assert.equal(tries, 1);
  });
});
