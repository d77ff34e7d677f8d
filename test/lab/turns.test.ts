/** Who takes the next step, and under whom what came of it is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/lab/terms.ts';
import { Turns } from '../../src/lab/turns.ts';

const never = new AbortController().signal;

/** A crowd of two by hand: each claim takes its steps when it may, and is then done. */
function twoOf(steps: readonly [readonly string[], readonly string[]], turns: Turns) {
  const left = steps.map((all) => [...all]);
  const taken: string[] = [];
  const want = (n: 0 | 1): void => {
    const [text] = left[n] ?? [];
    if (text === undefined) return turns.done(n);
    turns.receive({ type: 'step', n, step: { kind: 'local', text }, of: null });
  };
  const go = (n: number): void => {
    if (n !== 0 && n !== 1) return;
    taken.push(left[n]?.shift() ?? '');
    turns.receive({ type: 'stepped', n, outcome: 'done', isTrouble: false });
    want(n);
  };
  return { go, taken, begin: () => ([0, 1] as const).forEach(want) };
}

const unseen = async (): Promise<string[]> => [];

test('they take their steps by turns, and what is repeated stands there once', async () => {
  const turns = new Turns(unseen);
  const two = twoOf(
    [
      ['a1', 'a2'],
      ['b1', 'b2', 'b2', 'b2', 'b3'],
    ],
    turns,
  );
  two.begin();
  await turns.run(two.go, never);
  assert.deepEqual(two.taken, ['a1', 'b1', 'a2', 'b2', 'b2', 'b2', 'b3']);
  assert.deepEqual(
    turns.lines.map(({ text, times }) => [text, times]),
    [
      ['a1', 1],
      ['b1', 1],
      ['a2', 1],
      ['b2', 3],
      ['b3', 1],
    ],
  );
  assert.equal(turns.isCut, false);
});

test('they end where the last to be done has waited', async () => {
  const turns = new Turns(unseen);
  const two = twoOf([['a1'], ['b1']], turns);
  const go = (n: number): void => {
    if (n === 1) return two.go(1);
    // Long enough to be seen to wait.
    setTimeout(() => {
      turns.receive({ type: 'stepped', n, outcome: 'late', isTrouble: false });
      setTimeout(() => turns.done(0), 20);
    }, 300);
  };
  two.begin();
  await turns.run(go, never);
  assert.deepEqual(
    turns.lines.map(({ text, outcome, isEnd }) => [text, outcome, isEnd]),
    [
      ['a1', null, false],
      ['b1', 'done', false],
      ['a1', 'late', true],
    ],
  );
});

test('whoever takes more steps than can be shown is let go on to the end', async () => {
  const turns = new Turns(unseen);
  const many = Array.from({ length: 1_000 }, (_, i) => `b${i}`);
  const two = twoOf([['a1'], many], turns);
  two.begin();
  await turns.run(two.go, never);
  assert.equal(two.taken.length, 1_001);
  assert.ok(turns.isCut);
  assert.ok(turns.lines.length < 1_000);
});

test('they end when they are to', async () => {
  const turns = new Turns(unseen);
  const stop = new AbortController();
  turns.receive({ type: 'step', n: 0, step: { kind: 'local', text: 'a1' }, of: null });
  // It never comes back, and the other never comes.
  const running = turns.run(() => stop.abort(), stop.signal);
  await running;
  assert.equal(turns.lines[0]?.outcome, null);
});

test('two messages of one user are told apart by their numbers', async () => {
  const turns = new Turns(unseen);
  const messages: readonly Message[] = [
    { userId: 'user-1', number: 1 },
    { userId: 'user-1', number: 2 },
  ];
  const sends = messages.map((message) => `send ${JSON.stringify(message)}`);
  const two = twoOf([[sends[0] ?? ''], [sends[1] ?? '']], turns);
  two.begin();
  await turns.run(two.go, never);
  for (const [i, of] of messages.toReversed().entries()) {
    const n = -1 - i;
    turns.receive({ type: 'step', n, step: { kind: 'sql', text: `insert ${of.number}` }, of });
    turns.receive({ type: 'stepped', n, outcome: '1 row', isTrouble: false });
  }
  assert.deepEqual(
    turns.lines.filter(({ byConsumer }) => byConsumer).map(({ claim, text }) => [claim, text]),
    [
      [1, 'insert 2'],
      [0, 'insert 1'],
    ],
  );
});
