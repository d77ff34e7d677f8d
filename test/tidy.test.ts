/**
 * The habits of this project, held by a test. Each checker is first shown what it has to refuse: one that cannot fail
 * would let everything pass and say nothing.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { importBreaches } from './tidy/imports.ts';
import { parse, projectFiles, type SourceFile } from './tidy/source.ts';
import { fileNameBreaches, headerBreaches, sizeBreaches, syntaxBreaches } from './tidy/style.ts';
import { traceBreaches, wordBreaches } from './tidy/words.ts';

const files = projectFiles();
const inSrc = files.filter(({ path }) => path.startsWith('src/'));
const sources = inSrc.filter(({ path }) => path.endsWith('.ts'));
const parsed = sources.map(parse);

/** All breaches at once, so that one run shows all there is to mend. */
function none(breaches: readonly string[]): void {
  assert.equal(breaches.length, 0, `\n${breaches.join('\n')}\n`);
}

describe('the project', () => {
  test('has sources to judge', () => assert.ok(sources.length > 0));
  test('imports only along the rule', () => none(importBreaches(parsed)));
  test('keeps to its sizes and file names', () => none([...sizeBreaches(sources), ...fileNameBreaches(inSrc)]));
  test('heads every SQL and Lua file with what it promises', () => none(headerBreaches(inSrc)));
  test('uses only the syntax, clock and environment it allows itself', () => none(parsed.flatMap(syntaxBreaches)));
  test('has one word for one thing', () => none(parsed.flatMap(wordBreaches)));
  test('leaves no traces of unfinished work or of one machine', () => none(files.flatMap(traceBreaches)));
});

const file = (path: string, text: string): SourceFile => ({ path, text });
const oneLine = (text: string) => text.replaceAll('\n', ' ');

describe('the import rule', () => {
  const judge = (path: string, text: string) => importBreaches([parse(file(path, text))]);

  const refused: [path: string, text: string][] = [
    ['src/core/gate.ts', "import { now } from '../lib/now.ts';"],
    ['src/core/gate.ts', "import type { Config } from '../config.ts';"],
    ['src/core/gate.ts', "import { randomUUID } from 'node:crypto';"],
    ['src/core/gate.ts', "import { Type } from 'typebox';"],
    ['src/core/gate.ts', "export { x } from '../lib/x.ts';"],
    ['src/core/gate.ts', "export * from '../lib/x.ts';"],
    ['src/core/gate.ts', "type X = import('../lib/x.ts').X;"],
    ['src/core/gate.ts', "const x = () => import('../lib/x.ts');"],
    ['src/core/gate.ts', 'const x = () => import(`../lib/x.ts`);'],
    ['src/core/gate.ts', "const x = require('node:fs');"],
    ['src/config.ts', "import { DibsError } from './core/errors.ts';"],
    ['src/lib/retry.ts', "import { Relay } from '../engine/relay.ts';"],
    ['src/gates/sqlite/gate.ts', "import { log } from '../../logs/embedded/log.ts';"],
    ['src/gates/sqlite/gate.ts', "import { gate } from '../redis/gate.ts';"],
    ['src/gates/sqlite/gate.ts', "import { createClient } from 'redis';"],
    ['src/gates/sqlite/gate.ts', "const sql = new URL('../redis/admit.lua', import.meta.url);"],
    ['src/gates/redis/gate.ts', "import { admitter } from '../../engine/admitter.ts';"],
    ['src/ledgers/mysql/ledger.ts', "import pg from 'pg';"],
    ['src/ledgers/mysql/ledger.ts', "import { ledger } from '../sqlite/ledger.ts';"],
    ['src/engine/relay.ts', "import { readFile } from 'node:fs/promises';"],
    ['src/engine/relay.ts', "import { setTimeout } from 'node:timers/promises';"],
    ['src/engine/relay.ts', "import { gate } from '../gates/sqlite/gate.ts';"],
    ['src/http/server.ts', "import { compose } from '../compose.ts';"],
    ['src/http/server.ts', "import { config } from '../config.ts';"],
    ['src/testing/main.ts', "import { gate } from '../gates/sqlite/gate.ts';"],
    ['src/load/main.ts', "import { Relay } from '../engine/relay.ts';"],
    ['src/lab/report.ts', "import { gate } from '../gates/sqlite/gate.ts';"],
    ['src/compose.ts', "import { serve } from './cli/serve.ts';"],
    ['src/compose.ts', "import { race } from './lab/race.ts';"],
    ['src/compose.ts', "import { openDibs } from './main.ts';"],
    ['src/cli/audit.ts', "import { gate } from '../gates/sqlite/gate.ts';"],
    ['src/main.ts', "import { gate } from './gates/sqlite/gate.ts';"],
    ['src/lib/read.ts', "import data from '../../package.json' with { type: 'json' };"],
    ['src/lib/read.ts', 'const x = (name: string) => import(name);'],
    ['src/cli/lab/options.ts', 'const x = (name: string) => import(name);'],
    ['src/cli/lab/services.ts', "const x = () => import('../../../services/services.ts');"],
    ['src/lib/read.ts', "import { readFile } from 'fs';"],
    ['src/lib/read.ts', "import { openDibs } from 'dibs';"],
    ['src/newcomer/a.ts', 'export const a = 1;'],
    ['src/gates/postgres/gate.ts', 'export const a = 1;'],
    ['src/gates/shared.ts', 'export const a = 1;'],
  ];
  for (const [path, text] of refused) {
    test(`refuses ${path}: ${oneLine(text)}`, () => assert.equal(judge(path, text).length, 1));
  }

  const allowed: [path: string, text: string][] = [
    ['src/core/gate.ts', "import type { Win } from './win.ts'; // never import '../lib/x.ts'"],
    [
      'src/gates/sqlite/gate.ts',
      "import { DatabaseSync } from 'node:sqlite'; import { read } from '../../lib/sql.ts';",
    ],
    ['src/gates/sqlite/gate.ts', "const sql = new URL('./schema/1.sql', import.meta.url);"],
    ['src/logs/kafka/log.ts', "const kafka = () => import('@platformatic/kafka');"],
    ['src/ledgers/mysql/ledger.ts', "import { createPool } from 'mysql2/promise';"],
    ['src/engine/relay.ts', "import { createHmac } from 'node:crypto'; import type { Gate } from '../core/gate.ts';"],
    ['src/compose.ts', "const gate = () => import('./gates/redis/gate.ts'); import './config.ts';"],
    ['src/cli/serve.ts', "import { compose } from '../compose.ts'; import { Command } from 'commander';"],
    ['src/cli/lab/services.ts', 'const x = (path: string) => import(path);'],
    ['src/main.ts', "export { compose } from './compose.ts'; export type { Win } from './core/win.ts';"],
  ];
  for (const [path, text] of allowed) test(`allows ${path}: ${oneLine(text)}`, () => none(judge(path, text)));

  test('names file and line, and every breach', () => {
    const text = "import a from './a.ts';\nimport b from '../lib/b.ts';\n\nimport c from 'node:fs';\n";
    assert.deepEqual(judge('src/core/x.ts', text), [
      'src/core/x.ts:2: core may not import lib (../lib/b.ts)',
      'src/core/x.ts:4: core may not import node:fs',
    ]);
  });

  test('does not pass over a file that it cannot read', () => {
    assert.throws(() => judge('src/core/x.ts', 'import {'), /does not parse/);
  });
});

describe('the sizes', () => {
  const sized = (...counts: number[]) => counts.map((n, i) => file(`src/core/f${i}.ts`, 'x;\n'.repeat(n)));

  test('refuse one file that is far too long', () =>
    assert.equal(sizeBreaches(sized(...Array(20).fill(9), 451)).length, 1));
  test('refuse a high median', () => assert.match(sizeBreaches(sized(10, 141, 141)).join(), /median file has 141/));
  test('refuse a high p90', () => assert.match(sizeBreaches(sized(...Array(8).fill(9), 321, 321)).join(), /p90 file/));
  test('allow a few longer files', () => none(sizeBreaches(sized(...Array(19).fill(140), 450))));
});

describe('the syntax rules', () => {
  const judge = (path: string, text: string) => syntaxBreaches(parse(file(path, text)));

  const refused: [path: string, text: string][] = [
    ['src/lib/a.ts', 'export default function a() {}'],
    ['src/lib/a.ts', 'const a = 1; export { a as default };'],
    ['src/lib/a.ts', 'export const a: any = 1;'],
    ['src/lib/a.ts', 'export const a = f(b as any);'],
    ['src/lib/a.ts', 'export const a = new Map<string, any>();'],
    ['src/lib/a.ts', '// @ts-ignore\nexport const a = 1;'],
    ['src/lib/a.ts', '/* @ts-nocheck */\nexport const a = 1;'],
    ['src/lib/a.ts', 'export enum A { B }'],
    ['src/lib/a.ts', 'export namespace A { export const b = 1; }'],
    ['src/lib/a.ts', 'export class A { constructor(private readonly b: number) {} }'],
    ['src/lib/a.ts', "export { b } from './b.ts';"],
    ['src/lib/a.ts', "export * from './b.ts';"],
    ['src/lib/a.ts', "import { b } from './b.ts';\nexport { b };"],
    ['src/lib/a.ts', "export const a = process.env['A'];"],
    ['src/lib/a.ts', "export const a = process['env'].A;"],
    ['src/lib/a.ts', 'const { env } = process;'],
    ['src/lib/a.ts', "import { env } from 'node:process'; f(env);"],
    ['src/core/a.ts', 'export const a = Date.now();'],
    ['src/core/a.ts', 'export const a = (now = Date.now) => now();'],
    ['src/core/a.ts', 'export const a = new Date();'],
    ['src/core/a.ts', 'export const a = Date();'],
    ['src/engine/a.ts', 'setTimeout(() => {}, 1);'],
    ['src/engine/a.ts', 'globalThis.setInterval(() => {}, 1);'],
    ['src/engine/a.ts', 'export const a = Math.random();'],
    ['src/engine/a.ts', 'export const a = performance.now();'],
  ];
  for (const [path, text] of refused) {
    test(`refuse ${path}: ${oneLine(text)}`, () => assert.equal(judge(path, text).length, 1));
  }

  const allowed: [path: string, text: string][] = [
    ['src/lib/a.ts', "// not: any, process.env, Date.now()\nexport const a = 'export default any enum';"],
    ['src/lib/a.ts', 'export const a = Date.now(); setTimeout(f, 1);'],
    ['src/lib/main.ts', "export * from './b.ts';"],
    ['src/config.ts', "export const a = process.env['A'];"],
    ['src/core/a.ts', 'export const a = new Date(0); clock.setTimeout(f, 1); clock.now();'],
    ['src/core/a.ts', 'export interface Clock { now(): number; setTimeout(f: () => void): void }'],
    ['src/cli/bin.ts', "await import('./main.ts');"],
  ];
  for (const [path, text] of allowed) test(`allow ${path}: ${oneLine(text)}`, () => none(judge(path, text)));

  test('refuse files named after nothing', () => {
    const names = ['utils.ts', 'helpers.ts', 'common.ts'].map((name) => file(`src/lib/${name}`, ''));
    assert.equal(fileNameBreaches([...names, file('src/lib/retry.ts', '')]).length, names.length);
  });

  test('refuse SQL and Lua without a header', () => {
    const heads = (text: string) => headerBreaches([file('src/gates/sqlite/a.sql', text)]).length === 0;
    assert.ok(heads('-- Admits.\nSELECT 1;'));
    assert.ok(heads('/*\n * Admits.\n */\nSELECT 1;'));
    for (const bad of ['', 'SELECT 1;', 'SELECT 1; -- one', '--\nSELECT 1;']) assert.ok(!heads(bad), bad);
    assert.equal(headerBreaches([file('src/gates/redis/a.lua', 'return 1')]).length, 1);
  });
});

describe('the words', () => {
  const judge = (text: string, path = 'src/lib/a.ts') => wordBreaches(parse(file(path, text)));

  const refused = [
    'export interface Campaign {}',
    'export type FlashSale = string;',
    'export const winners = [];',
    'export function reserveTicket() {}',
    'export class SqlRepository {}',
    'export const slotOrdinal = 1, b = 2;',
    'export type ClaimResult = 1;',
    'export type Order = 1;',
    'export type Entries = 1;',
    'export class WinQueue {}',
    'export class CouponStore {}',
    'export type DeadLetter = 1;',
    'export type Issuance = 1;',
    'export type Event = 1;',
    'const a = 1; export { a as stock };',
  ];
  for (const text of refused) test(`refuse ${text}`, () => assert.equal(judge(text).length, 1));

  const allowed = [
    'export type FailedIssuance = 1; export const failedIssuances = [];',
    'export const slotOrder = Object.entries({}); const winner = 1;',
    'export const queueDepth = 1; export const storeUp = 1; export type AuditResult = 1;',
    'export function wholesale() {} export const stocking = 1;',
  ];
  for (const text of allowed) test(`allow ${text}`, () => none(judge(text)));

  test('leave an HTTP response its name', () => none(judge('export type ClaimResponse = 1;', 'src/http/claims.ts')));
});

describe('the traces', () => {
  const todo = ['TO', 'DO'].join('');
  const home = ['', 'root', 'dibs'].join('/');
  const host = ['registry', 'example', 'org'].join('.');

  test('refuse unfinished work', () => assert.equal(traceBreaches(file('src/lib/a.ts', `x; // ${todo}: y`)).length, 1));
  test('refuse paths of a machine', () => assert.equal(traceBreaches(file('README.md', `cd ${home}/x`)).length, 1));
  test('refuse registries', () => assert.equal(traceBreaches(file('.npmrc', `registry=https://${host}/`)).length, 1));
  test('allow what only looks like them', () => {
    none(
      traceBreaches(file('src/lib/a.ts', "import './framework/x.ts'; const a = 'a/root/b'; registry.metrics.get();")),
    );
  });
});
