/** For traps: stands between the gate and its client library, and changes scripts as they are read. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { createClient } from 'redis';

type Reply = unknown;
type Send = (args: readonly string[]) => Promise<Reply>;

/** Sends each call by `around`, which is given what sends it on the same connection. */
export function aroundCalls(around: (args: readonly string[], send: Send) => Promise<Reply>): void {
  let owner = Object.getPrototypeOf(createClient()) as object;
  while (!Object.hasOwn(owner, 'sendCommand')) owner = Object.getPrototypeOf(owner) as object;
  const client = owner as { sendCommand: (args: readonly string[], options?: unknown) => Promise<Reply> };
  const { sendCommand } = client;
  client.sendCommand = function (this: unknown, args, options) {
    return around(args, (sent) => sendCommand.call(this, sent, options));
  };
}

const changes = new Map<string, readonly (readonly [part: string, other: string])[]>();
const { readFileSync } = fs;

/** Reads a script of the gate with parts of it exchanged. Throws where a part is not there, or is there twice. */
export function changeScript(name: string, ...parts: readonly (readonly [part: string, other: string])[]): void {
  changes.set(name, parts);
}

fs.readFileSync = ((path: fs.PathOrFileDescriptor, ...rest: [fs.ObjectEncodingOptions]) => {
  const content = readFileSync(path, ...rest);
  if (!(path instanceof URL)) return content;
  const parts = changes.get(basename(path.pathname)) ?? [];
  return parts.reduce<string | typeof content>((text, [part, other]) => {
    const [before, behind, ...more] = String(text).split(part);
    if (behind === undefined || more.length > 0) throw new Error(`${path.pathname} does not hold once: ${part}`);
    return `${before ?? ''}${other}${behind}`;
  }, content);
}) as typeof readFileSync;
syncBuiltinESMExports();
