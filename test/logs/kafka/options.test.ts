/** A Kafka log is not opened with what cannot be, and says all of it at once. */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { openKafkaLog } from '../../../src/logs/kafka/log.ts';
import { type KafkaLogOptions, settingsOf } from '../../../src/logs/kafka/options.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';

const options: KafkaLogOptions = {
  brokers: ['kafka-1:9092', '[::1]:9092'],
  topic: 'dibs',
  clock: systemClock,
  random: Math.random,
  alarm: () => undefined,
};

describe('the options', () => {
  it('have a group of the topic, and leave the partitions to the topic', () => {
    const { group, partitions, sessionTimeoutMs } = settingsOf(options);
    assert.deepEqual(
      { group, partitions, sessionTimeoutMs },
      { group: 'dibs-dibs', partitions: null, sessionTimeoutMs: 10_000 },
    );
  });
  it('are refused together, and without the password', async () => {
    const wrong = {
      ...options,
      brokers: ['kafka-1', 'u:secret@kafka:9092'],
      topic: 'a b',
      partitions: 0,
      group: ' ',
      sasl: { user: '', password: 'secret' },
      sessionTimeoutMs: 1,
      answerTimeoutMs: Number.NaN,
    };
    const { message } = await troubleOf('invalid_configuration', async () => settingsOf(wrong));
    for (const part of [
      'kafka-1 is not',
      'name of a topic',
      'partitions',
      'group',
      'user',
      'sessionTimeoutMs',
      'answerTimeoutMs',
    ])
      assert.match(message, new RegExp(part));
    assert.doesNotMatch(message, /secret/);
    await troubleOf('invalid_configuration', async () => settingsOf({ ...options, brokers: [] }));
    for (const topic of ['', '.', '..', 'a/b', 'x'.repeat(250)])
      await troubleOf('invalid_configuration', async () => settingsOf({ ...options, topic }));
  });
});

describe('without the client library', () => {
  it('it says what to install', async () => {
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        if (specifier !== '@platformatic/kafka') return next(specifier, context);
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      },
    });
    try {
      const { message } = await troubleOf('invalid_configuration', () => openKafkaLog(options));
      assert.match(message, /npm install @platformatic\/kafka/);
    } finally {
      hooks.deregister();
    }
  });
});

describe('where no server is', () => {
  it('it cannot be opened, and says so', async () => {
    const { message } = await troubleOf('unavailable', () =>
      openKafkaLog({ ...options, brokers: ['127.0.0.1:1'], sasl: { user: 'me', password: 'hush' } }),
    );
    assert.match(message, /127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/);
    assert.doesNotMatch(message, /hush/);
  });
});
