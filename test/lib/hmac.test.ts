import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHmacSha256 } from '../../src/lib/hmac.ts';

test("the HMAC of any text with any secret is that of Node's own, whatever was signed before", () => {
  const text = fc.string({ unit: 'binary', maxLength: 2000 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 200 }),
      fc.array(text, { minLength: 1, maxLength: 5 }),
      (secret, texts) => {
        const hmac = createHmacSha256(secret);
        for (const text of texts) {
          for (const encoding of ['hex', 'base64url'] as const) {
            assert.equal(hmac(text, encoding), createHmac('sha256', secret).update(text).digest(encoding));
          }
        }
      },
    ),
  );
});

test('a known answer: RFC 4231, test case 2', () => {
  assert.equal(
    createHmacSha256('Jefe')('what do ya want for nothing?', 'hex'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});
