/** Texts that a database would refuse come back as they were. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keepable, kept } from '../../../src/ledgers/sql/text.ts';

describe('a text that is kept', () => {
  it('is kept as it is, where a database takes it', () => {
    for (const text of ['', '{"v":1}', '한정 🎟️', 'base64:AAAA', 'json', 'json:']) assert.equal(keepable(text), text);
  });

  it('can be read by whoever looks at it, where a database would not take it', () => {
    assert.equal(keepable('a\0b'), 'json:"a\\u0000b"');
  });

  it('comes back as it was, whatever is in it', () => {
    const odd = fc
      .array(fc.constantFrom('json:', '"', 'a', '\\', '\0', '\ud83c', '\udf9f'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(odd, fc.string({ unit: 'binary' })), (text) => {
        const stored = keepable(text);
        assert.ok(!stored.includes('\0') && stored.isWellFormed());
        assert.equal(kept(stored), text);
      }),
    );
  });

  it('and was changed by hand is read as it stands', () => {
    assert.equal(kept('json:"broken'), 'json:"broken');
  });
});
