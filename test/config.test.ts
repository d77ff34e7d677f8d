import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Config,
  type ConfigKey,
  configFromOptions,
  configKeys,
  flagOf,
  labVariables,
  readConfig,
  shownOf,
} from '../src/config.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A folder with these files; `dibs.config.json` may be given as an object. */
function folder(files: Record<string, unknown> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'dibs-config-'));
  folders.push(path);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path;
}

function good(sources: Parameters<typeof readConfig>[0]): Config {
  const { config, faults } = readConfig({ env: {}, cwd: folder(), ...sources });
  assert.deepEqual(faults, []);
  assert.ok(config !== null);
  return config;
}

function bad(sources: Parameters<typeof readConfig>[0]): readonly string[] {
  const { config, faults } = readConfig({ env: {}, cwd: folder(), ...sources });
  assert.equal(config, null);
  return faults;
}

const secret = 'kX9-very-private-material-2f8a1c7e';

describe('the configuration', () => {
  test('is the embedded default where nothing is given', () => {
    const cwd = folder();
    assert.deepEqual(
      { ...good({ cwd }) },
      {
        dataDir: join(cwd, 'data'),
        gate: { driver: 'sqlite', path: join(cwd, 'data/gate.db') },
        log: { driver: 'embedded' },
        ledger: { driver: 'sqlite', path: join(cwd, 'data/ledger.db') },
        issueRate: null,
        host: '127.0.0.1',
        port: 8080,
        ledgerGiven: false,
        portGiven: false,
        adminKey: null,
        serviceKey: null,
        tokenSecret: null,
        codeSecret: null,
        kafkaUser: null,
        kafkaPassword: null,
        url: 'http://127.0.0.1:8080',
        urlGiven: false,
      },
    );
  });

  test('leaves the names alone by which the lab is told of services', () => {
    const cwd = folder();
    const env = Object.fromEntries(labVariables.map((name) => [name, 'redis://cache:6379']));
    assert.deepEqual(good({ cwd, env }), good({ cwd }));
    assert.match(
      bad({ env: { DIBS_LAB_REDISS: 'x' } }).join(),
      /^"DIBS_LAB_REDISS" \(environment\): there is no such key/,
    );
    assert.match(bad({ cwd: folder({ 'dibs.config.json': { DIBS_LAB_REDIS: 'x' } }) }).join(), /no such key/);
  });

  test('takes a flag before the environment, that before the file, that before the default', () => {
    const cwd = folder({ 'dibs.config.json': { port: 3, host: 'file', issueRate: '3/s', data: 'from-file' } });
    const config = good({ cwd, flags: { DIBS_PORT: '1' }, env: { DIBS_PORT: '2', DIBS_HOST: 'environment' } });
    assert.equal(config.port, 1);
    assert.equal(config.host, 'environment');
    assert.deepEqual(config.issueRate, { perSecond: 3 });
    assert.equal(shownOf(config.gate), join(cwd, 'from-file/gate.db'));
  });

  test('takes the names of the environment in the file as well, but no key twice', () => {
    assert.equal(good({ cwd: folder({ 'dibs.config.json': { DIBS_PORT: '9', $schema: 'x' } }) }).port, 9);
    const faults = bad({ cwd: folder({ 'dibs.config.json': { DIBS_PORT: '9', port: 9 } }) });
    assert.match(faults.join('\n'), /^DIBS_PORT \(dibs\.config\.json\): is given twice/);
  });

  test('is frozen, all of it', () => {
    const config = good({ flags: { DIBS_ISSUE_RATE: '1/s' } });
    assert.ok([config, config.gate, config.log, config.ledger, config.issueRate].every(Object.isFrozen));
  });

  test('lists every fault at once, each with its key, where it came from, and what to do', () => {
    const cwd = folder({ 'dibs.config.json': { issueRate: '0/s', lodger: 'x', host: ['a'] } });
    const faults = bad({
      cwd,
      flags: { DIBS_PORT: '80a' },
      env: { DIBS_GATE: 'redis://:hush@h h', DIBS_LEDGER: 'oracle:x', DIBS_LOGG: 'x', DIBS_DATA: '', PATH: '/bin' },
    });
    for (const expected of [
      /^DIBS_PORT \(--port\): "80a" is no port; give a whole number/,
      /^DIBS_GATE \(environment\): names no server; use redis:\/\/host:6379/,
      /^DIBS_LEDGER \(environment\): "oracle": is no ledger that Dibs has; use sqlite:<path>/,
      /^"DIBS_LOGG" \(environment\): there is no such key; did you mean DIBS_LOG\?$/m,
      /^DIBS_DATA \(environment\): is empty/,
      /^DIBS_ISSUE_RATE \(dibs\.config\.json\): "0\/s" is no rate/,
      /^"lodger" \(dibs\.config\.json\): there is no such key; did you mean ledger\?/,
      /^host \(dibs\.config\.json\): must be text or a number/,
    ]) {
      assert.ok(
        faults.some((fault) => expected.test(fault)),
        `${expected} in\n${faults.join('\n')}`,
      );
    }
    assert.equal(faults.length, 8);
    assert.doesNotMatch(faults.join('\n'), /hush/);
  });

  test('does not judge a value that a stronger one replaces', () => {
    assert.equal(good({ flags: { DIBS_PORT: '1' }, env: { DIBS_PORT: 'x' } }).port, 1);
  });

  test('takes stores behind an address, and never shows their passwords', () => {
    const config = good({
      env: {
        DIBS_GATE: 'rediss://user:hush@cache:6380/2',
        DIBS_LOG: 'kafkas://a:9092,b/wins?partitions=12&mechanism=plain',
        DIBS_LEDGER: 'postgresql://me:hush@db:5432/dibs?sslmode=verify-full',
        DIBS_KAFKA_USER: 'u',
        DIBS_KAFKA_PASSWORD: 'p',
      },
    });
    assert.deepEqual(config.gate, {
      driver: 'redis',
      url: 'rediss://user:hush@cache:6380/2',
      shown: 'rediss://cache:6380/2',
    });
    assert.deepEqual(config.log, {
      driver: 'kafka',
      brokers: ['a:9092', 'b:9092'],
      topic: 'wins',
      tls: true,
      partitions: 12,
      mechanism: 'PLAIN',
      shown: 'kafkas://a:9092,b/wins?partitions=12&mechanism=plain',
    });
    assert.equal(config.ledger.driver, 'postgres');
    for (const store of [config.gate, config.log, config.ledger]) assert.doesNotMatch(shownOf(store), /hush/);
    assert.equal(good({ env: { DIBS_LEDGER: 'mariadb://u@h/d' } }).ledger.driver, 'mysql');
    assert.equal(good({ env: { DIBS_GATE: 'redis+cluster://a:1,b:2,c:3' } }).gate.driver, 'redis');
  });

  test('refuses addresses that name no store', () => {
    const odd: [ConfigKey, string][] = [
      ['DIBS_GATE', 'redis://'],
      ['DIBS_GATE', 'redis://a,b'],
      ['DIBS_GATE', 'redis+cluster://a,b/1'],
      ['DIBS_GATE', 'redis://u:hush@h/x'],
      ['DIBS_LOG', 'kafka://h:9092'],
      ['DIBS_LOG', 'kafka:///t'],
      ['DIBS_LOG', 'kafka://u:hush@h/t'],
      ['DIBS_LOG', 'kafka://h/t?partition=3'],
      ['DIBS_LOG', 'kafka://h/t?partitions=0'],
      ['DIBS_LOG', 'kafka://h/t?mechanism=md5'],
      ['DIBS_LEDGER', 'mysql://u:hush@h'],
      ['DIBS_LEDGER', 'postgres://u:hush@h/'],
      ['DIBS_LEDGER', 'oracle://u:hush@h/d'],
    ];
    for (const [key, value] of odd) {
      const [fault = '', ...more] = bad({ env: { [key]: value } });
      assert.deepEqual(more, [], value);
      assert.match(fault, new RegExp(`^${key} \\(environment\\): `));
      assert.doesNotMatch(fault, /hush/);
    }
  });

  test('refuses a password in a flag, which other users of the machine can read', () => {
    const flags = { DIBS_GATE: 'redis://:hush@h', DIBS_LEDGER: 'mysql://u:hush@h/d' };
    const faults = bad({ flags });
    assert.equal(faults.length, 2);
    for (const fault of faults) assert.match(fault, /holds a password, and flags can be read by others/);
    assert.doesNotMatch(faults.join(), /hush/);
    good({ flags: { DIBS_LEDGER: 'mysql://u@h/d' } });
    assert.match(bad({ flags: { DIBS_URL: 'http://u:hush@h' } }).join(), /leave it out/);
  });

  test('takes an address with a password from a file', () => {
    const cwd = folder({ gate: 'redis://:hush@h:6379\n' });
    assert.equal(good({ cwd, env: { DIBS_GATE_FILE: 'gate' } }).gate.driver, 'redis');
  });

  test("takes Kafka's user and password together", () => {
    assert.match(
      bad({ env: { DIBS_KAFKA_USER: 'u' } }).join(),
      /DIBS_KAFKA_USER, DIBS_KAFKA_PASSWORD: belong together/,
    );
  });
});

describe('paths', () => {
  test('start from the folder that dibs was started in', () => {
    const cwd = folder();
    assert.equal(shownOf(good({ cwd, env: { DIBS_GATE: 'sqlite:x/g.db' } }).gate), join(cwd, 'x/g.db'));
    assert.equal(shownOf(good({ cwd, env: { DIBS_GATE: 'sqlite:/x/g.db' } }).gate), '/x/g.db');
    assert.equal(shownOf(good({ cwd, env: { DIBS_GATE: 'sqlite:///x/g.db' } }).gate), '/x/g.db');
    const inData = good({ cwd, env: { DIBS_LEDGER: 'sqlite:$DIBS_DATA/l.db', DIBS_DATA: 'd' } });
    assert.equal(shownOf(inData.ledger), join(cwd, 'd/l.db'));
  });

  test('must name a file that lasts, one for each store', () => {
    for (const value of ['sqlite:', 'sqlite::memory:', 'sqlite://host/g.db', 'gate.db', 'embedded']) {
      assert.match(bad({ env: { DIBS_GATE: value } }).join(), /^DIBS_GATE .*use sqlite:<path>/, value);
    }
    const same = { DIBS_GATE: 'sqlite:a.db', DIBS_LEDGER: 'sqlite:./a.db' };
    assert.match(bad({ env: same }).join(), /are the same file/);
  });
});

describe('secrets', () => {
  test('may stand in a file of their own, with a line feed at its end', () => {
    const cwd = folder({ key: `${secret}\n` });
    assert.equal(good({ cwd, env: { DIBS_ADMIN_KEY_FILE: 'key' } }).adminKey, secret);
    writeFileSync(join(cwd, 'dibs.config.json'), JSON.stringify({ codeSecretFile: join(cwd, 'key') }));
    assert.equal(good({ cwd }).codeSecret, secret);
  });

  test('are a fault where they cannot be read, are empty, or are given twice', () => {
    const cwd = folder({ empty: '\n' });
    assert.match(bad({ cwd, env: { DIBS_ADMIN_KEY_FILE: 'none' } }).join(), /^DIBS_ADMIN_KEY_FILE .*\(ENOENT\)/);
    assert.match(bad({ cwd, env: { DIBS_ADMIN_KEY_FILE: 'empty' } }).join(), /names an empty file/);
    assert.match(bad({ cwd, env: { DIBS_ADMIN_KEY: secret, DIBS_ADMIN_KEY_FILE: 'key' } }).join(), /given twice/);
    assert.match(bad({ env: { DIBS_PORT_FILE: 'x' } }).join(), /no such key/);
  });

  test('never show in a fault', () => {
    const cwd = folder({ 'dibs.config.json': `{"adminKey": "${secret}", oops}` });
    const env = {
      DIBS_ADMIN_KEY: secret,
      DIBS_ADMIN_KEY_FILE: 'x',
      DIBS_URL: `http://u:${secret}@h`,
      DIBS_GATE: `x://${secret}`,
    };
    const faults = bad({ cwd, env });
    assert.equal(faults.length, 4);
    assert.doesNotMatch(faults.join('\n'), new RegExp(secret));
  });
});

describe('the file', () => {
  test('must be one JSON object', () => {
    assert.match(bad({ cwd: folder({ 'dibs.config.json': '{"port": 1' }) }).join(), /is not JSON/);
    for (const content of ['[]', '1', 'null']) {
      assert.match(bad({ cwd: folder({ 'dibs.config.json': content }) }).join(), /must be one JSON object/);
    }
    const cwd = folder();
    mkdirSync(join(cwd, 'dibs.config.json'));
    assert.match(bad({ cwd }).join(), /cannot be read \(EISDIR\)/);
  });
});

describe('the issue rate', () => {
  const seconds = { s: 1, m: 60, h: 3600 };
  const rate = (text: string) => readConfig({ env: { DIBS_ISSUE_RATE: text }, cwd: tmpdir() });

  test('is read for every whole number within its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom('s', 'm', 'h'), (count, unit) => {
        assert.deepEqual(rate(`${count}/${unit}`).config?.issueRate, { perSecond: count / seconds[unit] });
      }),
    );
    assert.equal(rate('unlimited').config?.issueRate, null);
  });

  test('is refused in every other form', () => {
    const odd = fc.oneof(
      fc.string({ minLength: 1 }).filter((text) => !/^\d{1,7}\/[smh]$/.test(text) && text !== 'unlimited'),
      fc.integer({ min: 1_000_001 }).map((count) => `${count}/s`),
      fc.double({ noInteger: true }).map((count) => `${count}/s`),
      fc.constantFrom(
        '0/s',
        '-1/s',
        '5000',
        '5000/d',
        '5000 / s',
        '5_000/s',
        '1e3/s',
        ' 1/s',
        '1/s ',
        '٣/s',
        'Infinity/s',
      ),
    );
    fc.assert(fc.property(odd, (text) => rate(text).config === null));
  });
});

describe('host, port and url', () => {
  test('are read', () => {
    assert.equal(good({ flags: { DIBS_PORT: '0' } }).port, 0);
    assert.equal(good({ flags: { DIBS_PORT: '65535' } }).port, 65_535);
    for (const host of ['::1', '0.0.0.0', 'localhost', 'a-b.example']) {
      assert.equal(good({ flags: { DIBS_HOST: host } }).host, host);
    }
    assert.equal(good({ flags: { DIBS_HOST: '[::1]' } }).host, '::1');
    const given = good({ env: { DIBS_URL: 'https://Dibs.example/base/' } });
    assert.equal(given.url, 'https://dibs.example/base');
    assert.equal(given.urlGiven, true);
  });

  test('lead the commands to the local server where no url is given', () => {
    const url = (host: string) => good({ flags: { DIBS_HOST: host, DIBS_PORT: '81' } }).url;
    assert.equal(url('0.0.0.0'), 'http://127.0.0.1:81');
    assert.equal(url('::'), 'http://[::1]:81');
    assert.equal(url('box'), 'http://box:81');
  });

  test('are refused where they cannot be', () => {
    for (const port of ['65536', '-1', '1.5', '', ' 1', '0x1f']) bad({ flags: { DIBS_PORT: port } });
    for (const host of ['a b', 'a:80', 'http://a', '-a', 'a..b', '한국']) bad({ flags: { DIBS_HOST: host } });
    for (const url of ['a', 'ftp://a', 'http://u@a', 'http://a?b', 'http://a#b']) bad({ flags: { DIBS_URL: url } });
  });
});

describe('options of the library', () => {
  test('go through the same reading, and name themselves in faults', () => {
    const { config } = configFromOptions({ data: '/d', issueRate: '60/m', codeSecret: secret, roles: ['claims'] });
    assert.equal(shownOf(config!.ledger), '/d/ledger.db');
    assert.deepEqual(config?.issueRate, { perSecond: 1 });
    assert.equal(config?.codeSecret, secret);
    const odd = { gate: 'kafka:x', issuerate: '1/s', log: 5, roles: [], port: '1' };
    const { faults } = configFromOptions(odd as unknown as Parameters<typeof configFromOptions>[0]);
    assert.deepEqual(faults, [
      '"issuerate" (openDibs): there is no such option; did you mean issueRate?',
      'log (openDibs): must be text.',
      '"port" (openDibs): there is no such option; there are data, gate, log, ledger, issueRate, codeSecret, tokenSecret, kafkaUser, kafkaPassword, roles, readEnvironment.',
      'roles (openDibs): must name at least one of claims, issuing, and nothing else.',
      'DIBS_GATE (openDibs, gate): "kafka": is no gate that Dibs has; use sqlite:<path>, for example sqlite:./data/gate.db, or redis://host:6379, rediss:// for TLS, redis+cluster://host:6379,host:6379 for a cluster.',
    ]);
  });
});

describe('docs/configuration.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/configuration.md'), 'utf8');

  test('has every key with its default and its flag, and no other', () => {
    for (const { key, option, default: fallback } of configKeys) {
      const line = text.split('\n').find((line) => line.startsWith(`| \`${key}\``));
      assert.ok(line !== undefined, `a line of the table for ${key}`);
      assert.ok(line.includes(`\`${option}\``), `${key} is ${option} in the file`);
      assert.ok(line.includes(fallback), `${key} has the default ${fallback}`);
    }
    const known = new Set<string>([...configKeys.flatMap(({ key }) => [key, `${key}_FILE`]), ...labVariables]);
    for (const name of labVariables) assert.ok(text.includes(`\`${name}\``), name);
    const named = text.match(/DIBS_[A-Z_]*[A-Z]/g) ?? [];
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
    const flags = new Set(configKeys.map(({ key }) => flagOf(key)));
    for (const flag of text.match(/--[a-z][a-z-]*/g) ?? []) assert.ok(flags.has(flag), flag);
  });
});
