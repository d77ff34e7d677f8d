// An event of 100 coupons and 300 users, in one script.
// In a project that has dibs installed: node script.ts. In this repository: node --conditions=dibs-source examples/script.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDibs } from 'dibs';

const data = await mkdtemp(join(tmpdir(), 'dibs-script-'));
const dibs = await openDibs({ data });

await dibs.createEvent({ id: 'launch', name: 'Launch', capacity: 100 });

let won = 0;
let soldOut = 0;
await Promise.all(
  Array.from({ length: 300 }, async (_, index) => {
    const decision = await dibs.claim({ eventId: 'launch', userId: `user-${index}` });
    if (decision.outcome === 'won') won += 1;
    else if (decision.reason === 'sold_out') soldOut += 1;
  }),
);
console.log(`won ${won}, sold out for ${soldOut}`);

// A win is durable when `claim` resolves; its coupon is written behind the answer. A second click finds it.
const again = await dibs.claim({ eventId: 'launch', userId: 'user-0' });
if (again.outcome === 'won') console.log(`user-0 has slot ${again.claim.slot}, replayed: ${again.replayed}`);

// Closing writes no more than the batch in hand: what is not issued yet is issued when the engine opens again.
await dibs.close();

const reopened = await openDibs({ data });
let audit = await reopened.audit('launch');
while (audit.unissued > 0) audit = await reopened.audit('launch');
console.log(`issued ${audit.issued} of ${audit.capacity}, ok: ${audit.ok}`);
await reopened.close();
await rm(data, { recursive: true });
