/** docs/race-lab.md and docs/race-lab.ko.md tell of what there is: all strategies and verdicts, real lines, commands that work. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { askedLabOf, languageOf } from '../../../src/cli/lab/options.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { displayWidth } from '../../../src/cli/text.ts';
import { strategies } from '../../../src/lab/catalog.ts';
import { calledOf } from '../../../src/lab/terms.ts';
import { meanings, verdicts } from '../../../src/lab/verdict.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = { en: read('docs/race-lab.md'), ko: read('docs/race-lab.ko.md') } as const;

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, one = '']) => one);
const blocks = (text: string, language: string): string[] =>
  matches(text, new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
const commandsIn = (text: string): string[] =>
  matches(text, /^npm run dibs -- (lab .*)$/gm).map((line) => line.replace(/ +#.*$/, ''));

/** Says what is left out of an excerpt. */
const isOmission = (line: string): boolean => line.trim().startsWith('// …');

/** The brackets that an excerpt does not close, or closes and has not opened: of a whole statement none. */
function unclosedIn(code: string): string {
  let open = code.replaceAll(/\/\/.*|'[^'\n]*'|`[^`\n]*`/g, '').replaceAll(/[^()[\]{}]/g, '');
  for (let before = ''; before !== open; ) {
    before = open;
    open = open.replaceAll(/\(\)|\[\]|\{\}/g, '');
  }
  return open;
}

/** Throws where a command line is not understood. */
async function understand(line: string): Promise<void> {
  const program = await buildProgram('lab');
  const lab = program.commands.find((command) => command.name() === 'lab') ?? assert.fail();
  const words = line.split(' ');
  const leaf = lab.commands.find((command) => command.name() === words[1]) ?? assert.fail(line);
  leaf.action(() => undefined);
  await program.parseAsync(words, { from: 'user' });
  if (leaf.name() === 'list') languageOf(leaf.opts<{ lang: string }>().lang);
  else assert.ok(askedLabOf(leaf, new AbortController().signal).selected.length > 0);
}

for (const [language, page] of Object.entries(pages) as ['en' | 'ko', string][]) {
  describe(`race-lab in ${language}`, () => {
    const lessons = page.split(/^### \d+\. /m).slice(1);

    test('has a lesson for each strategy, in the order of the catalogue, and for nothing else', () => {
      const headed = matches(page, /^### (.*)$/gm);
      assert.deepEqual(
        headed,
        strategies.map(({ name }, i) => `${i + 1}. \`${name}\``),
      );
    });

    test('has all verdicts in their order, with what they mean, and no other', () => {
      const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)];
      assert.deepEqual(
        rows.map(([, verdict]) => verdict),
        verdicts,
      );
      if (language === 'en')
        for (const [, verdict = '', meaning] of rows) assert.equal(meaning, meanings[verdict as 'safe'].en);
      const shown = matches(page, /^ {2}[✓✗] ([a-z-]+)/gm);
      assert.ok(shown.length >= strategies.length);
      for (const one of [...shown, ...matches(page, /coupons? for \d+ places?: ([a-z-]+)/g)])
        assert.ok((verdicts as readonly string[]).includes(one), one);
    });

    test('shows no run of a strategy that there is not', () => {
      const called = strategies.flatMap(({ name, variants }) =>
        variants.length === 0 ? [name] : variants.map((variant) => calledOf(name, variant)),
      );
      const shown = matches(page, /^([a-z][a-z0-9:-]*)(?: on [a-z]+)? +\d+\/\d+ /gm);
      assert.ok(shown.length >= strategies.length);
      for (const one of shown) assert.ok(called.includes(one), one);
    });

    for (const [i, { name, variants }] of strategies.entries()) {
      const lesson = lessons[i] ?? '';

      test(`tells of every variant of ${name}, and gives a run and something to take along`, () => {
        for (const variant of variants)
          assert.ok(lesson.includes(`:${variant}`) || lesson.includes(calledOf(name, variant)), variant);
        assert.match(lesson, new RegExp(`^${name}(:[a-z0-9-]+)?( on [a-z]+)? +\\d+/\\d+ .*\\n {2}[✓✗] [a-z-]+ `, 'm'));
        assert.ok(commandsIn(lesson).some((command) => command.includes(` ${name}`)));
        assert.match(lesson, /^\*\*(Take along|가져갈 것):\*\* /m);
      });

      test(`shows lines of ${name} that are really there`, () => {
        const source = read(`src/lab/strategies/${name}.ts`) + read('src/cli/lab/engine.ts');
        const lines = blocks(lesson, 'ts').flatMap((block) => block.trimEnd().split('\n'));
        assert.ok(lines.length > 0 || name === 'dibs-redis');
        for (const line of lines) if (!isOmission(line)) assert.ok(source.includes(line.trim()), line);
        for (const block of blocks(lesson, 'ts')) assert.equal(unclosedIn(block), '', block);
      });
    }

    test('shows commands that are understood', async () => {
      const commands = commandsIn(page);
      assert.ok(commands.length >= strategies.length);
      for (const command of commands) await understand(command);
    });

    test('shows what fits a terminal', () => {
      for (const block of blocks(page, 'text'))
        for (const line of block.split('\n')) assert.ok(displayWidth(line) <= 80, line);
    });
  });
}

test('both pages show the same runs, lines and commands', () => {
  for (const kind of ['ts', 'text'] as const) assert.deepEqual(blocks(pages.ko, kind), blocks(pages.en, kind));
  const inEnglish = commandsIn(pages.en).map((command) => command.replace(/^lab (list|run)$/, 'lab $1 --lang ko'));
  assert.deepEqual(commandsIn(pages.ko), inEnglish);
});

for (const readme of ['README.md', 'README.ko.md']) {
  test(`${readme} shows commands of the lab that are understood`, async () => {
    const commands = commandsIn(read(readme));
    assert.ok(commands.length >= 2);
    for (const command of commands) await understand(command);
  });
}

test('half a statement is seen', () => {
  assert.equal(unclosedIn("run('(', [1]);"), '');
  assert.equal(unclosedIn('} catch {\n}'), '}');
  assert.equal(unclosedIn('try {'), '{');
});

test('what is no command is not understood', async () => {
  await assert.rejects(understand('lab run no-such'));
  await assert.rejects(understand('lab run --nonsense'));
  await assert.rejects(understand('lab list --lang fr'));
});
