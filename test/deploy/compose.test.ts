/** What a person with Docker starts: pinned, healthy before it is used, without a secret of its own, and spelt right. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { kafkaName } from '../../services/kafka-jars.ts';
import { stopWithinMs } from '../../src/cli/serve/stop.ts';
import { configKeys } from '../../src/config.ts';
import { requiredSettings } from '../../src/gates/redis/settings.ts';

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const compose = file('compose.yaml');
const dockerfile = file('Dockerfile');
const example = file('deploy/env.example');

/** The lines of each service, by its name. */
const services = new Map(
  [...(/^services:\n(.*?)^volumes:/ms.exec(compose)?.[1] ?? '').matchAll(/^ {2}([a-z]+):\n((?: {4}.*\n|\n)*)/gm)].map(
    ([, name = '', body = '']) => [name, body],
  ),
);

describe('compose.yaml', () => {
  test('has the whole system', () => {
    assert.deepEqual(
      [...services.keys()],
      ['api', 'worker', 'migrate', 'cli', 'redis', 'kafka', 'mariadb', 'postgres'],
    );
  });

  test('pins the version of every image', () => {
    const images = [...compose.matchAll(/image: (\S+)/g)].map(([, image = '']) => image);
    assert.ok(images.length >= 5);
    for (const image of images.filter((one) => one !== 'dibs:local')) assert.match(image, /:\d+\.\d+(\.\d+)?/, image);
  });

  test('has the stores in the versions that the tests run', () => {
    const told = (name: string) => /image: \S+?:([\d.]+)/.exec(services.get(name) ?? '')?.[1] ?? '';
    const documented = /MariaDB ([\d.]+) and\s+PostgreSQL (\d+)/.exec(file('docs/many-machines.md')) ?? [];
    assert.ok(told('mariadb').startsWith(`${documented[1] ?? 'none'}.`), told('mariadb'));
    assert.ok(told('postgres').startsWith(`${documented[2] ?? 'none'}.`), told('postgres'));
    assert.equal(`kafka-${told('kafka')}`, kafkaName);
  });

  test('waits until each service is healthy, and asks each that stays', () => {
    for (const [name, body] of services) assert.match(body, /healthcheck:/, name);
    assert.match(services.get('api') ?? '', /migrate: \{ condition: service_completed_successfully \}/);
  });

  test('gives a process more time to stop than it gives itself', () => {
    const [, grace] = /^x-dibs:.*?stop_grace_period: (\d+)s/ms.exec(compose) ?? [];
    assert.ok(Number(grace) * 1_000 > stopWithinMs, grace);
  });

  test('names only keys of the configuration, and asks for each secret', () => {
    const known = new Set<string>(configKeys.map(({ key }) => key));
    for (const key of compose.match(/^ +(DIBS_[A-Z_]+):/gm) ?? []) assert.ok(known.has(key.trim().slice(0, -1)), key);
    for (const secret of ['ADMIN_KEY', 'SERVICE_KEY', 'TOKEN_SECRET', 'CODE_SECRET']) {
      assert.match(compose, new RegExp(`DIBS_${secret}: \\$\\{DIBS_${secret}:\\?`));
      assert.match(example, new RegExp(`^DIBS_${secret}=$`, 'm'));
    }
  });

  test('starts Redis with the settings that the gate asks for', () => {
    const redis = (services.get('redis') ?? '').replaceAll("'", '');
    for (const { name, value } of requiredSettings) assert.ok(redis.includes(`--${name}, ${value}`), name);
  });
});

describe('Dockerfile', () => {
  test('runs on the Node of this project, and not as root', () => {
    const { devDependencies } = JSON.parse(file('package.json')) as { devDependencies: Record<string, string> };
    const bases = [...dockerfile.matchAll(/^FROM node:([\d.]+)/gm)].map(([, version]) => version);
    assert.deepEqual(new Set(bases), new Set([devDependencies['node']]));
    assert.equal(dockerfile.lastIndexOf('\nUSER ') > dockerfile.lastIndexOf('\nRUN '), true);
    assert.match(dockerfile, /^USER node$/m);
  });

  test('takes everything it copies along into what Docker is sent', () => {
    const sent = file('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const [, paths = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const path of paths.split(' ')) assert.ok(sent.includes(path.split('/')[0] ?? ''), path);
    }
  });
});
