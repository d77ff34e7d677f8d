import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { DibsError } from '../core/errors.ts';

/** The two bearer keys and the two secrets that a server works with. */
export interface Keys {
  /** The organiser: may make, change and close events, read coupons and repair. */
  readonly adminKey: string;
  /** The organiser's backend: may claim in the name of any user. */
  readonly serviceKey: string;
  /** Signs participants' tokens. */
  readonly tokenSecret: string;
  /** Coupon codes are derived from it. */
  readonly codeSecret: string;
}

/** What is given from outside; null or absent where it is not. */
export type GivenKeys = { readonly [Name in keyof Keys]?: string | null };

const names = ['adminKey', 'serviceKey', 'tokenSecret', 'codeSecret'] as const;
const variables: Readonly<Record<keyof Keys, string>> = {
  adminKey: 'DIBS_ADMIN_KEY',
  serviceKey: 'DIBS_SERVICE_KEY',
  tokenSecret: 'DIBS_TOKEN_SECRET',
  codeSecret: 'DIBS_CODE_SECRET',
};
const prefixes: Readonly<Record<keyof Keys, string>> = {
  adminKey: 'dibs_admin_',
  serviceKey: 'dibs_service_',
  tokenSecret: 'dibs_token_',
  codeSecret: 'dibs_code_',
};

const lengthMin = 32;
const lengthMax = 1024;
// What people write where a secret belongs. Longest first, so that none leaves a rest of another.
const wellKnown =
  /change[-_ ]?(me|this|it)|placeholder|my[-_ ]?secret|password|passw0rd|test(ing)?|example|service|default|secret|qwerty|letmein|tokens?|admin|codes?|dibs|your|keys?/gi;
const restMin = 8;

/** The file in the data folder that keeps what was made. */
export const keysFileOf = (dataDir: string): string => join(dataDir, 'keys.json');

/** What is wrong with the keys that are given, in words that never show them; empty where nothing is. */
export function keyFaults(given: GivenKeys): string[] {
  const faults: string[] = [];
  for (const name of names) {
    const key = given[name];
    const fault = key == null ? null : keyFault(key);
    if (fault !== null) faults.push(`${variables[name]}: ${fault}`);
  }
  if (given.adminKey != null && given.adminKey === given.serviceKey) {
    faults.push(
      'DIBS_ADMIN_KEY, DIBS_SERVICE_KEY: are the same; a backend that claims must not be able to close events.',
    );
  }
  return faults;
}

/** The keys, all of them and each fit to protect something; throws `invalid_configuration` with every fault at once. */
export function checkKeys(given: GivenKeys): Keys {
  const { adminKey, serviceKey, tokenSecret, codeSecret } = given;
  const missing = names.filter((name) => given[name] == null).map((name) => `${variables[name]}: is missing; set it.`);
  const faults = [...missing, ...keyFaults(given)];
  if (adminKey != null && serviceKey != null && tokenSecret != null && codeSecret != null && faults.length === 0) {
    return { adminKey, serviceKey, tokenSecret, codeSecret };
  }
  throw new DibsError('invalid_configuration', faults.join('\n'), { details: { faults } });
}

/** Those keys that are needed, each given and fit; throws `invalid_configuration` with every fault at once. */
export function checkGiven<Name extends keyof Keys>(given: GivenKeys, needed: readonly Name[]): Pick<Keys, Name> {
  const missing = needed
    .filter((name) => given[name] == null)
    .map(
      (name) =>
        `${variables[name]}: is missing; every process around shared stores has the same. Make one with: openssl rand -base64 32`,
    );
  const faults = [...missing, ...keyFaults(given)];
  if (faults.length > 0) throw new DibsError('invalid_configuration', faults.join('\n'), { details: { faults } });
  return Object.fromEntries(needed.map((name) => [name, given[name]])) as Pick<Keys, Name>;
}

/**
 * The keys of an embedded server: what is given, and for the rest what the data folder keeps; where it keeps none yet,
 * they are made. `made` names those that were made by this call. Whoever calls at the same time gets the same keys.
 */
export async function loadOrMakeKeys(
  dataDir: string,
  given: GivenKeys,
): Promise<{ readonly keys: Keys; readonly made: (keyof Keys)[] }> {
  const faults = keyFaults(given);
  if (faults.length > 0) throw new DibsError('invalid_configuration', faults.join('\n'), { details: { faults } });
  const stored = await readKeys(dataDir);
  if (stored !== null) return { keys: together(dataDir, stored, given), made: [] };
  const made = names.filter((name) => given[name] == null);
  if (made.length === 0) return { keys: checkKeys(given), made };
  const fresh = Object.fromEntries(made.map((name) => [name, prefixes[name] + randomBytes(32).toString('base64url')]));
  if (await keep(dataDir, fresh)) return { keys: together(dataDir, fresh, given), made };
  return { keys: together(dataDir, (await readKeys(dataDir)) ?? {}, given), made: [] };
}

/** What the data folder keeps, null where it keeps nothing; throws `store_unfit` for a file that cannot be trusted. */
export async function readKeys(dataDir: string): Promise<GivenKeys | null> {
  const path = keysFileOf(dataDir);
  const file = await open(path, constants.O_RDONLY).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw unfit(path, `cannot be read (${codeOf(error)}); it must belong to whoever runs Dibs`, error);
  });
  if (file === null) return null;
  let text: string;
  try {
    // The file that is read is the one that is judged, whatever its name leads to by now.
    const { mode } = await file.stat();
    // Windows has no such bits and reports them all as set.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const bits = (mode & 0o777).toString(8);
      throw unfit(
        path,
        `may be read by others (mode ${bits}); change the keys if others could, then: chmod 600 '${path}'`,
      );
    }
    text = await file.readFile('utf8');
  } finally {
    await file.close();
  }
  return parse(path, text);
}

function parse(path: string, text: string): GivenKeys {
  const remedy = 'put its copy back, or remove it to have new keys made';
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw unfit(path, `is cut or is not JSON; ${remedy}`);
  }
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
  const entries = isObject ? Object.entries(content as object) : [];
  const odd = entries.some(([name, key]) => !(names as readonly string[]).includes(name) || typeof key !== 'string');
  if (entries.length === 0 || odd) throw unfit(path, `does not hold keys and nothing else; ${remedy}`);
  const stored = Object.fromEntries(entries) as GivenKeys;
  const faults = keyFaults(stored);
  if (faults.length > 0) throw unfit(path, `holds keys that protect nothing (${faults.join(' ')}); ${remedy}`);
  return stored;
}

function together(dataDir: string, stored: GivenKeys, given: GivenKeys): Keys {
  const all = Object.fromEntries(names.map((name) => [name, given[name] ?? stored[name] ?? null]));
  const missing = names.filter((name) => all[name] === null);
  if (missing.length > 0) {
    const list = missing.map((name) => variables[name]).join(', ');
    // Not made anew: another code secret would give other codes, another key would lock out whoever has the old one.
    throw new DibsError(
      'invalid_configuration',
      `${list}: given at the first start, so ${keysFileOf(dataDir)} has none; give the same again.`,
    );
  }
  return checkKeys(all);
}

/** Writes the file in one act; false where another process was first, whose file stands untouched. */
async function keep(dataDir: string, made: Record<string, string>): Promise<boolean> {
  const path = keysFileOf(dataDir);
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    const created = await mkdir(dataDir, { recursive: true, mode: 0o700 });
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(made, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      // A rename would replace the file of a process that was faster; a link refuses.
      const isFirst = await link(temporary, path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'EEXIST') return false;
          throw error;
        },
      );
      if (!isFirst) return false;
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(dataDir);
    if (created !== undefined) await syncFolder(dirname(created));
    return true;
  } catch (error) {
    throw unfit(path, `cannot be made (${codeOf(error)}); choose a folder that can be written`, error);
  }
}

/** Makes the names in a folder outlive a power cut. */
async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder, and writes names through.
  if (process.platform === 'win32') return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';

const unfit = (path: string, message: string, cause?: unknown): DibsError =>
  new DibsError('store_unfit', `${path} ${message}.`, { cause });

function keyFault(key: string): string | null {
  if (!/^[\x21-\x7e]*$/.test(key))
    return 'must be printable ASCII without space; make one with: openssl rand -base64 32';
  if (key.length < lengthMin) {
    return `has ${key.length} characters, fewer than ${lengthMin}; make one with: openssl rand -base64 32`;
  }
  if (key.length > lengthMax) return `has ${key.length} characters, more than ${lengthMax}.`;
  return isGuessable(key) ? 'is well known or easily guessed; make one with: openssl rand -base64 32' : null;
}

function isGuessable(key: string): boolean {
  const rest = key.replace(wellKnown, '').replace(/[^A-Za-z0-9]/g, '');
  // A text that is found in its own double before its end repeats itself.
  const repeats = (key + key).indexOf(key, 1) < key.length;
  const letters = Array.from(key, (letter) => letter.charCodeAt(0));
  const steps = letters.filter((letter, i) => Math.abs(letter - (letters[i - 1] ?? 0)) <= 1).length;
  return rest.length < restMin || repeats || new Set(rest).size < 6 || steps > key.length / 2;
}
