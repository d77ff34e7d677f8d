import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { duration, wholeNumber } from '../../src/cli/options.ts';
import { fields, table } from '../../src/cli/table.ts';
import { clip, displayWidth, moment, padEnd, plural, visible, wrap } from '../../src/cli/text.ts';

describe('display width', () => {
  const widths: [string, number][] = [
    ['', 0],
    ['abc', 3],
    ['한국어', 6],
    ['가a', 3],
    ['ㄱ', 2],
    ['日本', 4],
    ['１', 2],
    ['é', 1],
    ['e\u0301', 1],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['🇰🇷', 2],
    ['…', 1],
    ['\u200b', 0],
  ];
  for (const [text, width] of widths)
    test(`of ${JSON.stringify(text)} is ${width}`, () => assert.equal(displayWidth(text), width));

  test('bounds what is clipped and what is wrapped', () => {
    const words = fc.array(fc.constantFrom('추석', '한정', 'coupon', 'a', '👍', 'é'), { maxLength: 12 });
    fc.assert(
      fc.property(words, fc.integer({ min: 8, max: 40 }), (words, width) => {
        const text = words.join(' ');
        assert.ok(displayWidth(clip(text, width)) <= width);
        assert.equal(displayWidth(padEnd(clip(text, width), width)), width);
        const lines = wrap(text, width);
        assert.ok(lines.every((line) => displayWidth(line) <= width));
        assert.equal(lines.join(' '), text);
      }),
    );
  });
});

test('nothing that a terminal obeys is left in what is shown', () => {
  assert.equal(visible('추석 👩‍👩‍👧 ok'), '추석 👩‍👩‍👧 ok');
  assert.equal(
    visible('\u001b[2J\r\n\u009b\u202e\u2028\u200b'),
    '\\u{1b}[2J\\u{d}\\u{a}\\u{9b}\\u{202e}\\u{2028}\\u{200b}',
  );
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(visible(text)),
    ),
  );
});

test('a table aligns by what is seen, and clips only what may be clipped', () => {
  const columns = [{ head: 'ID' }, { head: 'NAME', mayClip: true }, { head: 'N', right: true }];
  assert.deepEqual(
    table(
      columns,
      [
        ['a', '추석', '1'],
        ['b2', 'long name', '1,000'],
      ],
      80,
    ),
    ['ID  NAME           N', 'a   추석           1', 'b2  long name  1,000'],
  );
  assert.deepEqual(table(columns, [['an-id-that-stays', '추석 한정 쿠폰 행사', '1']], 30), [
    'ID                NAME       N',
    'an-id-that-stays  추석 한…   1',
  ]);
  assert.deepEqual(
    fields([
      ['a', '1'],
      ['열쇠', '2'],
      ['empty', ''],
    ]),
    ['  a      1', '  열쇠   2', '  empty'],
  );
});

test('numbers and times read well', () => {
  assert.equal(plural(1, 'coupon'), '1 coupon');
  assert.equal(plural(1200, 'coupon'), '1,200 coupons');
  assert.equal(moment('2026-11-21T06:13:55.123Z'), '2026-11-21T06:13:55Z');
  assert.equal(moment(null, 'never'), 'never');
});

test('options are whole numbers and times, or a fault of usage', () => {
  assert.equal(wholeNumber('12', '--n', 1), 12);
  assert.equal(duration('90s', '--t'), 90_000);
  assert.equal(duration('7d', '--t'), 604_800_000);
  for (const bad of ['', '-1', '1.5', '1e3', ' 1', '0x1', 'NaN', '9'.repeat(16)]) {
    assert.throws(() => wholeNumber(bad, '--n'), { code: 'usage' }, bad);
  }
  assert.throws(() => wholeNumber('0', '--n', 1), /at least 1/);
  for (const bad of ['', '15', 'm', '0m', '-1m', '1w', '1.5h'])
    assert.throws(() => duration(bad, '--t'), { code: 'usage' }, bad);
});
