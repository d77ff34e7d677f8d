/** What node --test does before the first test file and after the last one. */
import process from 'node:process';
import { type Host, openHost } from './host.ts';
import { hostVariable } from './shared.ts';

let host: Host | null = null;

/** Lets the files of this run ask for services. */
export async function globalSetup(): Promise<void> {
  host = await openHost();
  process.env[hostVariable] = host.path;
}

/** Stops them. Where a run is broken off and this is never called, they end with the process, as all services do. */
export async function globalTeardown(): Promise<void> {
  await host?.close();
}
