/**
 * What a claim costs. Prints the server's CPU a claim against a bare Fastify route that gives the same answer, from one run
 * with the servers by turns; with `--memory` what a million claims leave behind. The exit code says whether the budgets hold.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Server, startBare, startDibs } from './child.ts';
import { Crowd } from './crowd.ts';
import type { Sample } from './server.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    claims: { type: 'string', default: '50000' },
    connections: { type: 'string', default: '64' },
    memory: { type: 'boolean', default: false },
    profile: { type: 'string' },
    'report-only': { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const claims = Number(values.claims);
const connections = Number(values.connections);
/** Where CPU profiles of the engine's processes go, or null. */
const profiles = values.profile ?? null;

// A first stretch lets the compiler settle; it is not counted.
const warmUpClaims = Math.min(claims, 10_000);
const endless = 10_000_000;

const measures = {
  refusal: { budget: 1.25, text: 'refusal (sold out)', start: () => startDibs(1, ['claims', 'issuing'], profiles) },
  win: { budget: 1.6, text: 'durable win, issuing paused', start: () => startDibs(endless, ['claims'], profiles) },
  issued: {
    budget: 2.2,
    text: 'durable win, issued in the same process',
    start: () => startDibs(endless, ['claims', 'issuing'], profiles),
  },
} as const;
type Name = keyof typeof measures;

interface Cost {
  /** CPU of the server a claim, in microseconds. */
  readonly micros: number;
  /** The kernel's part of it. */
  readonly kernel: number;
  readonly batchSize: number;
}

async function costOf(server: Server): Promise<Cost> {
  const crowd = new Crowd(server, connections);
  try {
    await crowd.send(warmUpClaims);
    await server.usage();
    const statuses = await crowd.send(claims);
    const { cpuMicros, kernelMicros, batchSize } = await server.usage();
    if (statuses.size !== 1) throw new Error(`answers differ: ${JSON.stringify([...statuses])}`);
    return { micros: cpuMicros / claims, kernel: kernelMicros / claims, batchSize };
  } finally {
    await crowd.close();
    await server.stop();
  }
}

/** What Dibs answers to a claim of this kind, for the bare route to answer as well. */
async function sampleOf(name: Name): Promise<Sample> {
  const server = await measures[name].start();
  const crowd = new Crowd(server, 1);
  if (name === 'refusal') await crowd.send(1);
  const sample = await crowd.sample();
  await crowd.close();
  await server.stop();
  await assertSame(sample);
  return sample;
}

/** A bare route that gave a shorter answer, or a plainer one, would be measured as the cheaper one. */
async function assertSame(sample: Sample): Promise<void> {
  const bare = await startBare(sample);
  const crowd = new Crowd(bare, 1);
  const given = await crowd.sample();
  await crowd.close();
  await bare.stop();
  assert.deepEqual(given, sample);
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >>> 1] ?? Number.NaN;

async function measureCpu(): Promise<boolean> {
  const names = Object.keys(measures) as Name[];
  const rows = new Map(names.map((name) => [name, { own: [] as Cost[], bare: [] as Cost[] }]));
  const samples = new Map<Name, Sample>();
  for (const name of names) samples.set(name, await sampleOf(name));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, row] of rows) {
      row.bare.push(await costOf(await startBare(samples.get(name) as Sample)));
      row.own.push(await costOf(await measures[name].start()));
    }
    process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  console.log(
    `CPU of the server a claim, ${connections} connections, ${claims} claims a round, medians of ${rounds} rounds`,
  );
  console.log('                                          Dibs  kernel    bare   ratio  (min-max)    budget  batch');
  let holds = true;
  for (const [name, { own, bare }] of rows) {
    const { text, budget } = measures[name];
    const ratios = own.map(({ micros }, round) => micros / (bare[round]?.micros ?? Number.NaN));
    const ratio = median(ratios);
    holds &&= ratio <= budget;
    const cell = (number: number, width: number, digits = 1): string => number.toFixed(digits).padStart(width);
    const range = `(${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`;
    const micros = `${cell(median(own.map(({ micros }) => micros)), 5)} µs${cell(median(own.map(({ kernel }) => kernel)), 6)}${cell(median(bare.map(({ micros }) => micros)), 6)} µs`;
    const batch = cell(median(own.map(({ batchSize }) => batchSize)), 5, 0);
    console.log(
      `${text.padEnd(40)} ${micros} ${cell(ratio, 5, 2)}  ${range.padEnd(13)} ${cell(budget, 5, 2)}  ${batch}`,
    );
  }
  return holds;
}

async function measureNeighbour(): Promise<void> {
  for (const name of ['win', 'issued'] as const) {
    for (const kind of ['bare', 'Dibs'] as const) {
      const server = kind === 'bare' ? await startBare(await sampleOf(name)) : await measures[name].start();
      const crowd = new Crowd(server, connections);
      const neighbour = new Crowd(server, 16);
      await crowd.send(warmUpClaims);
      const histogram = await neighbour.neighbour(crowd.send(claims));
      const ms = (percentile: number): string => (histogram.getValueAtPercentile(percentile) / 1000).toFixed(1);
      console.log(`GET /livez beside ${measures[name].text}, ${kind}: p50 ${ms(50)} ms, p99 ${ms(99)} ms`);
      await crowd.close();
      await neighbour.close();
      await server.stop();
    }
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

async function measureMemory(): Promise<boolean> {
  const server = await startDibs(100, ['claims', 'issuing']);
  const crowd = new Crowd(server, connections);
  await crowd.send(100_000);
  const first = await server.settle();
  await crowd.send(900_000);
  const last = await server.settle();
  await crowd.close();
  await server.stop();
  const grownBytes = last.rssBytes - first.rssBytes;
  console.log('1,000,000 claims on an event of 100, resident memory after a full collection:');
  const heap = (bytes: number): string => `of it heap in use ${megabytes(bytes)} MB`;
  console.log(`  after 100,000     ${megabytes(first.rssBytes)} MB, ${heap(first.heapBytes)}`);
  console.log(`  after 1,000,000   ${megabytes(last.rssBytes)} MB, ${heap(last.heapBytes)}`);
  console.log(`  grown by          ${megabytes(grownBytes)} MB (budget 20)`);
  console.log(`  the data folder   ${megabytes(last.folderBytes)} MB (budget 5)`);
  return grownBytes <= 20e6 && last.folderBytes <= 5e6;
}

const holds = values.memory ? await measureMemory() : await measureCpu();
if (!values.memory) await measureNeighbour();
console.log(holds ? 'The budgets hold.' : 'A budget is exceeded.');
process.exitCode = holds || values['report-only'] ? 0 : 1;
