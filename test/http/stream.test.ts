/** The live figures: at once, in rounds, for as many as may follow them, and for nobody who does not read. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import type { Figures } from '../../src/engine/views.ts';
import { createFigureStream } from '../../src/http/stream.ts';
import { assertProblem, credentials, openRig, type Rig } from './rig.ts';

const follow = async (rig: Rig) => {
  const response = await fetch(`${rig.url}/v1/stream`, {
    headers: { authorization: `Bearer ${credentials.adminKey}` },
  });
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    response,
    /** All that has come once `enough` is true of it; null where the stream ended before. */
    async until(enough: (text: string) => boolean): Promise<string | null> {
      while (!enough(text)) {
        const { done, value } = await reader.read();
        if (done) return null;
        text += value;
      }
      return text;
    },
    cancel: () => reader.cancel(),
  };
};
const rounds = (text: string) => [...text.matchAll(/^event: figures\ndata: (.*)\n\n/gm)].map((match) => match[1] ?? '');
const fast = { streamIntervalMs: 5 };

describe('the stream of figures', () => {
  test('goes on where there are no figures, and says so', async () => {
    let failing = true;
    const rig = await openRig({
      limits: fast,
      override: {
        figures: async () => {
          if (failing) throw new DibsError('unavailable', 'secret-path');
          return await rig.dibs.figures();
        },
      },
    });
    try {
      const client = await follow(rig);
      const seen = await client.until((text) => text.includes('event: trouble'));
      assert.match(seen ?? '', /event: trouble\ndata: {"code":"unavailable"}\n\n/);
      assert.doesNotMatch(seen ?? '', /secret-path/);
      failing = false;
      assert.notEqual(await client.until((text) => rounds(text).length > 0), null);
    } finally {
      await rig.close();
    }
  });

  test('stays alive while figures are waited for', async () => {
    const never = Promise.withResolvers<Figures>();
    const rig = await openRig({ limits: fast, override: { figures: () => never.promise } });
    try {
      const client = await follow(rig);
      assert.notEqual(await client.until((text) => text.split(': waiting').length > 3), null);
    } finally {
      await rig.close();
    }
  });

  test('takes as many readers as may be, and another once one has gone', async () => {
    const rig = await openRig({ limits: { ...fast, streamClientsMax: 2 } });
    try {
      const first = await follow(rig);
      const second = await follow(rig);
      assertProblem(await rig.call('GET', '/v1/stream', { as: 'admin' }), 503, 'overloaded');
      await first.cancel();
      let third = await follow(rig);
      while (third.response.status === 503) third = await follow(rig);
      assert.notEqual(await third.until((text) => rounds(text).length > 0), null);
      assert.notEqual(await second.until((text) => rounds(text).length > 1), null);
    } finally {
      await rig.close();
    }
  });

  test('is not opened by HEAD', async () => {
    const rig = await openRig({ limits: { ...fast, streamClientsMax: 1 } });
    try {
      for (let i = 0; i < 3; i += 1) {
        const got = await rig.call('HEAD', '/v1/stream', { as: 'admin' });
        assert.deepEqual([got.status, got.headers.get('content-type')], [200, 'text/event-stream']);
      }
    } finally {
      await rig.close();
    }
  });

  test('gives figures at once and then in rounds, the same to all', async () => {
    const rig = await openRig({ limits: fast });
    try {
      await rig.create({ id: 'launch', name: 'Launch', capacity: 3 });
      await rig.dibs.claim({ eventId: 'launch', userId: 'u1' });
      const clients = [await follow(rig), await follow(rig)];
      for (const client of clients) {
        assert.equal(client.response.status, 200);
        assert.equal(client.response.headers.get('content-type'), 'text/event-stream');
        assert.equal(client.response.headers.get('cache-control'), 'no-store');
        const seen = await client.until((text) => rounds(text).length >= 3);
        const figures = JSON.parse(rounds(seen ?? '').at(-1) ?? '') as Figures;
        assert.deepEqual([figures.events[0]?.eventId, figures.events[0]?.won], ['launch', 1]);
      }
    } finally {
      await rig.close();
    }
  });

  test('ends when the server stops', async () => {
    const rig = await openRig({ limits: fast });
    const client = await follow(rig);
    const closed = rig.close();
    assert.equal(await client.until(() => false), null);
    await closed;
  });
});

/** What of an answer the stream uses, with a buffer that a test fills. */
class SlowReader extends EventEmitter {
  writableNeedDrain = false;
  destroyed = false;
  readonly written: string[] = [];
  writeHead(): void {}
  write(text: string): void {
    this.written.push(text);
  }
  end(): void {
    this.emit('close');
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('a reader who does not read', () => {
  test('is sent nothing more, and dropped after a few rounds, while others go on', async () => {
    const figures = async () => ({ queueDepth: 0 }) as Figures;
    const log = { error: () => undefined, warn: () => undefined };
    const stream = createFigureStream({ figures, clientsMax: 9, intervalMs: 1, log });
    const [slow, good] = [new SlowReader(), new SlowReader()];
    assert.ok(stream.open(good as unknown as ServerResponse));
    assert.ok(stream.open(slow as unknown as ServerResponse));
    slow.writableNeedDrain = true;
    const before = slow.written.length;
    await new Promise((resolve) => slow.once('close', resolve));
    assert.equal(slow.destroyed, true);
    assert.ok(slow.written.length - before <= 1);
    const sent = good.written.length;
    while (good.written.length === sent) await new Promise(setImmediate);
    stream.stop();
    assert.equal(good.destroyed, false);
  });
});
