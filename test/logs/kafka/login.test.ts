/** TLS and SASL, against servers that demand them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Admin, alterUserScramCredentialsV0 } from '@platformatic/kafka';
import { findJava } from '../../../services/find.ts';
import { javaVersion } from '../../../services/kafka.ts';
import { onFreePorts } from '../../../services/ports.ts';
import { type Service, startKafka } from '../../../services/services.ts';
import type { KafkaLogOptions, KafkaSasl } from '../../../src/logs/kafka/options.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService } from '../../services/shared.ts';
import { brokersOf, freshTopic, openLog, slotsIn, winsRecord } from './rig.ts';

const password = 'open, sésame';
const user = 'dibs';
const module = 'org.apache.kafka.common.security';
/** The numbers of the mechanisms in Kafka's protocol, and their hashes. */
const scram = { 'SCRAM-SHA-256': [1, 'sha256', 32], 'SCRAM-SHA-512': [2, 'sha512', 64] } as const;

describeService('kafka', 'a server that wants to know who one is', () => {
  let kafka: Service;
  let folder: string;
  let ca: string;
  /** `host:port` of each listener. */
  let listeners: Record<'tls' | 'plain', string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dibs-login-'));
    const store = await makeKeyStore(folder);
    ca = await readFile(join(folder, 'ca.pem'), 'utf8');
    await onFreePorts(4, async ([inside = 0, controller = 0, tls = 0, plain = 0]) => {
      const map = 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL,PLAIN:SASL_PLAINTEXT';
      kafka = await startKafka({
        config: {
          listeners: `PLAINTEXT://127.0.0.1:${inside},CONTROLLER://127.0.0.1:${controller},TLS://127.0.0.1:${tls},PLAIN://127.0.0.1:${plain}`,
          'controller.quorum.voters': `1@127.0.0.1:${controller}`,
          'listener.security.protocol.map': map,
          'inter.broker.listener.name': 'PLAINTEXT',
          'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
          ...store,
          ...jaasOf('tls'),
          ...jaasOf('plain'),
        },
      });
      listeners = { tls: `127.0.0.1:${tls}`, plain: `127.0.0.1:${plain}` };
      await addScramUser(`127.0.0.1:${inside}`);
    });
  });
  after(async () => {
    await kafka.stop();
    await rm(folder, { recursive: true });
  });

  const open = (listener: 'tls' | 'plain', sasl: KafkaSasl | null, more: Partial<KafkaLogOptions> = {}) =>
    openLog('kafka://unused:1', freshTopic(), {
      brokers: [listeners[listener]],
      partitions: 1,
      ...(listener === 'tls' ? { tls: { ca } } : {}),
      ...(sasl === null ? {} : { sasl }),
      ...more,
    });

  for (const [listener, mechanism] of [
    ['tls', undefined],
    ['tls', 'SCRAM-SHA-512'],
    ['tls', 'SCRAM-SHA-256'],
    ['tls', 'PLAIN'],
    ['plain', 'SCRAM-SHA-512'],
  ] as const) {
    it(`is told by ${mechanism ?? 'what is said where nothing is'}, ${listener === 'tls' ? 'over TLS' : 'in the open'}, and serves`, async () => {
      const log = await open(listener, mechanism === undefined ? { user, password } : { user, password, mechanism });
      await log.append?.([winsRecord('drop', 1)]);
      assert.deepEqual(await slotsIn(log, log.partitionOf('drop')), [1]);
      await log.join();
      while (!log.holds(log.partitionOf('drop'))) await pause(10);
      await log.close();
    });
  }

  for (const mechanism of ['SCRAM-SHA-512', 'PLAIN'] as const) {
    it(`refuses a wrong password by ${mechanism}, which is said without it`, async () => {
      const wrong = { user, password: 'hush-hush', mechanism };
      const trouble = await troubleOf('invalid_configuration', () => open('tls', wrong));
      assert.match(trouble.message, new RegExp(`refuses the login: ${mechanism}, user ${user}`));
      assert.doesNotMatch(JSON.stringify([trouble, String(trouble.cause)]), /hush/);
      // A second error of the same connection, which nobody listened for, has ended processes.
      await pause(500);
    });
  }
  it('is not believed where its certificate is not known', async () => {
    const { message } = await troubleOf('unavailable', () => open('tls', { user, password }, { tls: true }));
    assert.match(message, /self-signed certificate/);
  });
  it('is told where it wants TLS and is not given it, and the other way round', async () => {
    const { message } = await troubleOf('unavailable', () => open('tls', { user, password }, { tls: false }));
    assert.match(message, /cannot be used: \S/);
    await troubleOf('unavailable', () => open('plain', { user, password }, { tls: { ca } }));
    const { message: unsaid } = await troubleOf('unavailable', () => open('tls', null, { tls: false }));
    assert.match(unsaid, /TLS/);
  });
  it('refuses who does not say who he is', async () => {
    const { message } = await troubleOf('unavailable', () => open('plain', null));
    assert.match(message, /cannot be used: \S/);
  });
});

// A file of properties is read as Latin-1.
const escaped = password.replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

const jaasOf = (listener: string): Record<string, string> => ({
  [`listener.name.${listener}.plain.sasl.jaas.config`]: `${module}.plain.PlainLoginModule required user_${user}="${escaped}";`,
  ...Object.fromEntries(
    Object.keys(scram).map((mechanism) => [
      `listener.name.${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`,
      `${module}.scram.ScramLoginModule required;`,
    ]),
  ),
});

/** A key for 127.0.0.1 that vouches for itself; gives the server's settings, and writes `ca.pem` for the clients. */
async function makeKeyStore(folder: string): Promise<Record<string, string>> {
  const keytool = join(dirname(findJava(javaVersion) ?? ''), 'keytool');
  const store = [
    '-keystore',
    join(folder, 'store.p12'),
    '-storetype',
    'PKCS12',
    '-storepass',
    'changeit',
    '-alias',
    'kafka',
  ];
  const run = promisify(execFile);
  const name = ['-dname', 'CN=127.0.0.1', '-ext', 'SAN=IP:127.0.0.1', '-keyalg', 'EC', '-validity', '2'];
  await run(keytool, ['-genkeypair', ...store, ...name]);
  await run(keytool, ['-exportcert', '-rfc', ...store, '-file', join(folder, 'ca.pem')]);
  return {
    'ssl.keystore.location': join(folder, 'store.p12'),
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': 'changeit',
    'ssl.key.password': 'changeit',
  };
}

/** The user for both SCRAM mechanisms, as an operator makes one by kafka-configs.sh. */
async function addScramUser(address: string): Promise<void> {
  const admin = new Admin({ clientId: 'operator', bootstrapBrokers: brokersOf(`kafka://${address}`), strict: true });
  const connections = await admin.connectToBrokers(null);
  const users = Object.values(scram).map(([mechanism, hash, length]) => {
    const salt = randomBytes(16);
    const saltedPassword = pbkdf2Sync(password, salt, 4096, length, hash);
    return { name: user, mechanism, iterations: 4096, salt, saltedPassword };
  });
  const { api } = alterUserScramCredentialsV0;
  // One at a time: Kafka takes a user once in a request, whatever the mechanism.
  for (const [, connection] of connections) for (const one of users) await api.async(connection, [], [one]);
  await admin.close();
}
