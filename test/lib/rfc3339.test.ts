/** Times as people and programs write them: each is read as Date reads it, or refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRfc3339 } from '../../src/lib/rfc3339.ts';

const moment = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T23:59:59.999Z'),
  noInvalidDate: true,
});
const twoDigits = (value: number): string => String(value).padStart(2, '0');

describe('RFC 3339', () => {
  it('is refused in every other form', () => {
    for (const odd of [
      '',
      '2026-12-01',
      '2026-12-01T12:00:00',
      '2026-12-01T12:00Z',
      '2026-12-01T12:00:00+0900',
      '2026-12-01T12:00:00+09',
      '2026-12-01T12:00:00 Z',
      '2026-12-01  12:00:00Z',
      '2026-12-01t12:00:00.Z',
      '2026-12-01T12:00:00,5Z',
      '2026-12-01T12:00:00.1234567890Z',
      '26-12-01T12:00:00Z',
      '02026-12-01T12:00:00Z',
      '+002026-12-01T12:00:00Z',
      '2026/12/01T12:00:00Z',
      '2026-12-01T12:00:00Z\n',
      ' 2026-12-01T12:00:00Z',
      '٢٠٢٦-12-01T12:00:00Z',
      'Tue, 01 Dec 2026 12:00:00 GMT',
      '1796126400000',
    ])
      assert.equal(parseRfc3339(odd), null, JSON.stringify(odd));
  });

  it('is refused where no clock shows that time', () => {
    for (const odd of [
      '2026-02-29T12:00:00Z',
      '2100-02-29T12:00:00Z',
      '2026-04-31T12:00:00Z',
      '2026-00-01T12:00:00Z',
      '2026-13-01T12:00:00Z',
      '2026-12-00T12:00:00Z',
      '2026-12-32T12:00:00Z',
      '2026-12-01T24:00:00Z',
      '2026-12-01T12:60:00Z',
      '2016-12-31T23:59:60Z',
      '2026-12-01T12:00:00+24:00',
      '2026-12-01T12:00:00+09:60',
    ])
      assert.equal(parseRfc3339(odd), null, odd);
  });

  it('is what Date writes, of any moment', () => {
    fc.assert(fc.property(moment, (date) => parseRfc3339(date.toISOString()) === date.getTime()));
  });

  it('is the same moment in every zone, spelling and number of digits', () => {
    const zone = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
    const separator = fc.constantFrom('T', 't', ' ');
    fc.assert(
      fc.property(moment, zone, separator, (date, offset, separator) => {
        const local = new Date(date.getTime() + offset * 60_000);
        fc.pre(local.getUTCFullYear() >= 1 && local.getUTCFullYear() <= 9999);
        const sign = offset < 0 ? '-' : '+';
        const minutes = Math.abs(offset);
        const text = `${local.toISOString().slice(0, -1)}999999${sign}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
        assert.equal(parseRfc3339(text.replace('T', separator)), date.getTime(), text);
      }),
    );
    const noon = Date.UTC(2026, 11, 1, 12);
    for (const text of ['2026-12-01T12:00:00Z', '2026-12-01 12:00:00z', '2026-12-01T12:00:00.0-00:00'])
      assert.equal(parseRfc3339(text), noon, text);
    assert.equal(parseRfc3339('2026-12-01T21:00:00.5+09:00'), noon + 500);
  });

  it('knows leap years', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9999 }), (year) => {
        const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
        const text = `${String(year).padStart(4, '0')}-02-29T00:00:00Z`;
        assert.equal(parseRfc3339(text) !== null, isLeap, text);
      }),
    );
  });

  it('never throws and never gives what is no whole number', () => {
    const near = fc.stringMatching(
      /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$/,
    );
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        const time = parseRfc3339(text);
        assert.ok(time === null || Number.isSafeInteger(time), text);
        const asDate = Date.parse(text.replace(' ', 'T').toUpperCase());
        if (time !== null) assert.equal(time, asDate, text);
      }),
      { numRuns: 500 },
    );
  });
});
