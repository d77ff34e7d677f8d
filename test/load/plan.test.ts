import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planClaims } from '../../src/load/plan.ts';

const crowd = { eventId: 'e', users: 1000, repeats: 100, seed: 7 };
const users = (seed: number) => planClaims({ ...crowd, seed }).map(({ userId }) => userId);

test('the same seed gives the same order of arrival, another seed another', () => {
  assert.deepEqual(users(7), users(7));
  assert.notDeepEqual(users(7), users(8));
});

test('every user comes, and the repeats come after those whom they repeat', () => {
  const arrivals = users(7);
  assert.equal(arrivals.length, 1100);
  assert.equal(new Set(arrivals).size, 1000);
  assert.ok(arrivals.filter((userId, i) => arrivals[i - 1] === userId).length >= 45, 'about half are double clicks');
});

test('a crowd of nobody sends nothing', () => assert.deepEqual(planClaims({ ...crowd, users: 0 }), []));
