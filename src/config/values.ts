/** How each value of the configuration is read from its text, and what is said of one that cannot be. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

/** How many coupons the ledger is given over all. */
export interface IssueRate {
  readonly perSecond: number;
}

/** What is wrong with one value and what to do; never shows a value that may hold a secret. */
export class Fault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export const emptyFault = 'is empty; give a value, or take it away for the default.';

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const issueCountMax = 1_000_000;

export function parseIssueRate(text: string): IssueRate | null | Fault {
  if (text === 'unlimited') return null;
  const match = /^([0-9]{1,7})\/([smh])$/.exec(text);
  const count = Number(match?.[1] ?? 0);
  const seconds = secondsOf[match?.[2] ?? ''];
  if (seconds === undefined || count < 1 || count > issueCountMax) {
    return new Fault(
      `${show(text)} is no rate; give 1 to ${issueCountMax} a second, minute or hour: 5000/s, 100/m, 10/h.`,
    );
  }
  return { perSecond: count / seconds };
}

export function parseHost(text: string): string | Fault {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 || /^(?!.*\.\.)[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(host)) return host;
  return new Fault(`${show(text)} is no address; give an IP address or a host name, and the port as DIBS_PORT.`);
}

export const parsePort = (text: string): number | Fault =>
  /^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535
    ? Number(text)
    : new Fault(`${show(text)} is no port; give a whole number from 0 to 65535.`);

export function parseUrl(text: string): string | Fault {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return new Fault('is no address of a server; give one like http://127.0.0.1:8080.');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return new Fault(
      'must have neither user, password, query nor fragment; give keys as DIBS_ADMIN_KEY and DIBS_SERVICE_KEY.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** A server that listens on every address is reached on the loopback one. */
export function localUrl(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`;
}

export function readSecretFile(path: string, cwd: string): string | Fault {
  if (path === '') return new Fault(emptyFault);
  try {
    // Editors and `echo` end a file with a line feed that is no part of the secret.
    const text = readFileSync(resolve(cwd, path), 'utf8').replace(/\r?\n$/, '');
    return text === '' ? new Fault('names an empty file; write the secret into it.') : text;
  } catch (error) {
    return new Fault(`names a file that cannot be read (${codeOf(error)}); check its path and its permissions.`);
  }
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';
export const show = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The known name that a mistyped one most likely means, as the end of a sentence. */
export function hint(name: string, known: readonly string[]): string {
  const near = known
    .map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const isNear = near !== undefined && near.distance <= Math.max(2, name.length / 4);
  return isNear
    ? `; did you mean ${near.other}?`
    : `; there are ${known.filter((other) => !/FILE$/i.test(other)).join(', ')}.`;
}

/** Levenshtein: how many letters must change to make one of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
