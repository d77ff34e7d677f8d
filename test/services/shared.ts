/** How tests get at real services: one of each for the whole run, in which every test makes a place of its own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { describe, test } from 'node:test';
import { createDatabase, type Database } from '../../services/databases.ts';
import { missing, type ServiceName, startService } from '../../services/services.ts';
import { askHost } from './host.ts';

/** Where the run's host listens. Not DIBS_…: an engine that is started by a test refuses keys that it does not know. */
export const hostVariable = 'TEST_SERVICES_HOST';

const known = new Map<ServiceName, Promise<string>>();

/**
 * The URL of a service that all files of this run share. A file that is run by itself, by plain `node`, starts one that
 * ends with it. Nobody stops, kills or empties a shared service: what does starts its own.
 */
export async function sharedService(name: ServiceName): Promise<string> {
  const url = known.get(name) ?? ask(name);
  known.set(name, url);
  return await url;
}

async function ask(name: ServiceName): Promise<string> {
  const path = process.env[hostVariable];
  return path === undefined ? (await startService(name)).url : await askHost(path, name);
}

/**
 * `describe` for what needs services. Where one is missing, the suite is skipped and says what to do; under CI=true, where
 * nobody would read that, it fails.
 */
export function describeService(
  needed: ServiceName | readonly ServiceName[],
  title: string,
  body: () => void,
  remedyFor: (name: ServiceName) => string | null = missing,
): void {
  const names = typeof needed === 'string' ? [needed] : needed;
  const remedy = names.map(remedyFor).find((one) => one !== null);
  if (remedy == null) describe(title, body);
  else if (process.env['CI'] !== 'true') describe(title, { skip: remedy }, body);
  else describe(title, () => test(`has ${names.join(' and ')}`, () => assert.fail(remedy)));
}

/** A new database on the shared server, and its own user; gone with the run, or with `drop()`. */
export async function freshDatabase(name: 'mariadb' | 'postgres'): Promise<Database> {
  return await createDatabase(await sharedService(name), freshName());
}

/** A name that nothing on the shared services has yet, fit for a topic, a group, a database or a key. */
export function freshName(): string {
  return `t_${randomBytes(8).toString('hex')}`;
}
