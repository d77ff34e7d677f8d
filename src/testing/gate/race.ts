import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkWins } from '../../core/invariants.ts';
import type { AdmitRequest, Gate } from '../../core/gate.ts';
import { troubleOf } from '../refusal.ts';
import { openRemote, type ProcessStore, type Remote } from '../remote.ts';
import { reasonToSkip } from '../suite.ts';
import { claim, commonOf, drain, folded, openEvent, specOf, standing, verdict, winOf } from './acting.ts';
import type { GateDriver } from './bench.ts';

const racersMax = 4;
const callsPerRacer = 150;
const places = 500;

/**
 * The first test of every gate: races between processes. Promises in one process never interleave around a synchronous
 * store, so that a race within one proves nothing.
 */
export function registerRace(driver: GateDriver): void {
  const { processes, lacks = {} } = driver;
  const skip = reasonToSkip(['processes'], lacks);
  const many = processes?.access === 'many' ? false : 'one process holds this store; race on what stands before it';
  const one = processes?.access === 'one' ? false : 'this store is shared';
  describe('races across processes', () => {
    it('four processes sell every place once', { skip: skip || many }, () => withStore(processes?.store, raceOnPlaces));
    it('four processes give one user k', { skip: skip || many }, () => withStore(processes?.store, raceOnUsers));
    it('a second process is refused with store_locked', { skip: skip || one }, () =>
      withStore(processes?.store, holdAgainstSecond),
    );
    it('a killed process leaves no lock behind', { skip: skip || one }, () => withStore(processes?.store, killHolder));
  });
}

type Open = () => Promise<Remote<Gate>>;

async function withStore(store: ProcessStore | undefined, run: (open: Open) => Promise<void>): Promise<void> {
  if (store === undefined) return;
  const { at, remove } = await store.make();
  const opened: Remote<Gate>[] = [];
  try {
    await run(async () => {
      const remote = await openRemote<Gate>(store.module, at);
      opened.push(remote);
      return remote;
    });
  } finally {
    await Promise.all(opened.map((remote) => remote.kill()));
    await remove();
  }
}

/** Lets four processes admit at once what `requestsOf` says of a racer's call, and gives all that they were answered. */
async function race(
  open: Open,
  spec: Parameters<Gate['create']>[0],
  requestsOf: (racer: number, call: number) => AdmitRequest[],
) {
  const racers = await Promise.all(Array.from({ length: racersMax }, open));
  const [first] = racers;
  await first!.port.create(spec);
  const calls = racers.flatMap(({ port }, racer) =>
    Array.from({ length: callsPerRacer }, (_, call) => port.admit(spec.id, requestsOf(racer, call))),
  );
  const decisions = (await Promise.all(calls)).flat();
  const won = decisions.filter((decision) => verdict(decision) === 'won').map(winOf);
  const { port } = first!;
  const wins = await port.wins(spec.id, 0, 10_000);
  assert.deepEqual(
    won.toSorted((a, b) => a.slot - b.slot),
    wins,
    'what was answered is what is kept',
  );
  assert.deepEqual(checkWins(spec, wins), []);
  assert.deepEqual(commonOf(folded(await drain(port))), commonOf(await standing(port)));
  return { decisions, wins };
}

async function raceOnPlaces(open: Open): Promise<void> {
  const { decisions, wins } = await race(open, specOf({ capacity: places }), (racer, call) =>
    Array.from({ length: 1 + (call % 3) }, (_, index) => ({ userId: `user-${racer}-${call}-${index}`, key: null })),
  );
  assert.equal(wins.length, places);
  assert.equal(decisions.filter((decision) => verdict(decision) === 'sold_out').length, decisions.length - places);
}

async function raceOnUsers(open: Open): Promise<void> {
  const users = 25;
  // All racers claim for the same users under the same 12 keys, so that every kind of repeat meets every other.
  const { decisions, wins } = await race(open, specOf({ capacity: places, limitPerUser: 3 }), (racer, call) => [
    { userId: `user-${call % users}`, key: `key-${(racer + call) % 12}` },
  ]);
  assert.equal(wins.length, users * 3);
  assert.equal(decisions.filter((decision) => verdict(decision) === 'sold_out').length, 0);
}

async function holdAgainstSecond(open: Open): Promise<void> {
  const holder = await open();
  await openEvent(holder.port);
  await claim(holder.port, 'alice');
  const error = await troubleOf('store_locked', open);
  assert.match(error.message, /\S/);
  assert.equal(winOf(await claim(holder.port, 'bob')).slot, 2, 'the holder goes on undisturbed');
  await holder.close();
  const next = await open();
  assert.equal(winOf(await claim(next.port, 'carol')).slot, 3, 'the next finds what the holder left');
}

async function killHolder(open: Open): Promise<void> {
  const holder = await open();
  await openEvent(holder.port);
  const win = winOf(await claim(holder.port, 'alice'));
  await holder.kill();
  const next = await open();
  assert.deepEqual(winOf(await claim(next.port, 'alice')), win);
}
