// A shop that gives away coupons in a route of its own.
// In a project that has dibs installed: node fastify-app.ts. In this repository: node --conditions=dibs-source examples/fastify-app.ts
import process from 'node:process';
import Fastify from 'fastify';
import { DibsError, openDibs } from 'dibs';

const dibs = await openDibs({ data: process.argv[2] ?? './shop-data' });
await dibs.createEvent({ id: 'spring', name: 'Spring coupons', capacity: 100 });

const app = Fastify();

// Who the user is, is the shop's affair: here a header that its gateway has checked.
app.post('/coupons/spring', async (request, reply) => {
  const userId = request.headers['x-user-id'];
  if (typeof userId !== 'string') return reply.code(401).send({ message: 'Please sign in.' });
  const decision = await dibs.claim({ eventId: 'spring', userId });
  if (decision.outcome === 'won') return reply.code(decision.replayed ? 200 : 201).send({ slot: decision.claim.slot });
  return reply.code(409).send({ message: decision.reason });
});

app.get('/coupons/spring', async () => {
  const { capacity, remaining, state } = await dibs.getEvent('spring');
  return { capacity, remaining, state };
});

// Trouble is not an answer to the claim: nothing is promised, and the same click may be sent again.
app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof DibsError)) return reply.code(500).send({ message: 'Something went wrong.' });
  return reply.code(error.retryable ? 503 : 400).send({ message: error.message, remedy: error.remedy });
});

// The server first: then nobody waits for an answer when the engine stops.
app.addHook('onClose', () => dibs.close());
process.once('SIGTERM', () => void app.close());

const address = await app.listen({ port: Number(process.argv[3] ?? 3000) });
console.log(`listening on ${address}`);
