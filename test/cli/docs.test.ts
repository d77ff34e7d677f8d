import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');
const [intro = '', ...rest] = text.split(/^### /m);
const sections = new Map(rest.map((section) => [section.slice(0, section.indexOf('\n')), section]));
const program = await buildProgram('*');

/** The commands that do something, by what is typed to call them. */
function leaves(command: Command, path: string): [string, Command][] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands.flatMap((sub) => leaves(sub, `${path} ${sub.name()}`));
}
const commands = new Map(leaves(program, 'dibs'));
const longFlags = (command: Command) => command.options.map(({ long }) => long ?? '');
const flagsIn = (text: string) => new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? []);

describe('docs/cli.md', () => {
  test('has a section for every command, and for nothing else', () => {
    assert.deepEqual([...sections.keys()].sort(), [...commands.keys()].sort());
  });

  for (const [path, command] of commands) {
    test(`names every flag of ${path} in its table, and no other`, () => {
      const section = (sections.get(path) ?? '').split(/^## /m)[0] ?? '';
      const rows = section.split('\n').filter((line) => line.startsWith('| `'));
      assert.deepEqual(rows.map((row) => /^\| `(--[a-z-]+)/.exec(row)?.[1] ?? '').sort(), longFlags(command).sort());
      for (const flag of flagsIn(section)) assert.ok(longFlags(command).includes(flag), flag);
    });

    test(`says how ${path} is called`, () => {
      const section = sections.get(path) ?? '';
      const called = command.registeredArguments.map((argument) =>
        argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      );
      if (called.length > 0) assert.ok(section.includes(`\`${[path, ...called].join(' ')}\``), called.join(' '));
    });

    test(`every flag of ${path} is explained in its help, with --json among them`, () => {
      assert.ok(longFlags(command).includes('--json'));
      for (const { long, description } of command.options) assert.ok(description !== '', long);
    });
  }

  test('names no flag elsewhere that no command has', () => {
    const known = new Set(['--help', ...[...commands.values()].flatMap(longFlags)]);
    assert.deepEqual(
      [...flagsIn(intro)].filter((flag) => !known.has(flag)),
      [],
    );
  });
});

test('every help fits 80 columns', () => {
  for (const command of [program, ...program.commands, ...commands.values()]) {
    for (const line of command.helpInformation().split('\n')) assert.ok(line.length <= 80, line);
  }
});
