/** Numbered parameters become question marks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bind } from '../../../src/ledgers/mysql/bind.ts';

describe('a statement with numbered parameters', () => {
  it('takes each value as often as it is named, in the order of the text', () => {
    const text = 'SELECT ?2, ?1 WHERE ?2 IS NULL';
    assert.deepEqual(bind(text, ['a', 'b']), { sql: 'SELECT ?, ? WHERE ? IS NULL', values: ['b', 'a', 'b'] });
    assert.deepEqual(bind(text, ['c', null]), { sql: 'SELECT ?, ? WHERE ? IS NULL', values: [null, 'c', null] });
  });

  it('may have none, or lists', () => {
    assert.deepEqual(bind('SELECT 1', []), { sql: 'SELECT 1', values: [] });
    assert.deepEqual(bind('VALUES ?1', [[['a', 1]]]), { sql: 'VALUES ?', values: [[['a', 1]]] });
  });
});
