import { hash } from 'node:crypto';
import { readSql } from '../../lib/sql-file.ts';

/** A script by its text, and by the hash under which Redis keeps it. */
export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

function read(name: string, prelude = ''): Script {
  const text = prelude + readSql(import.meta.url, `scripts/${name}.lua`);
  return { name, text, sha: hash('sha1', text, 'hex') };
}

// Scripts cannot share code in Redis, so that what all of an event begin with is put in front of each.
const prelude = readSql(import.meta.url, 'scripts/event.lua');

/** Every script of the gate; each stands in a file of its own and says there what it guarantees, takes and returns. */
export const scripts = {
  look: read('look', prelude),
  create: read('create', prelude),
  act: read('act', prelude),
  admit: read('admit', prelude),
  unfence: read('unfence', prelude),
  trim: read('trim', prelude),
  winsOfUser: read('wins-of-user', prelude),
  scan: read('scan', prelude),
  restore: read('restore', prelude),
  attend: read('attend'),
  probe: read('probe'),
} as const satisfies Record<string, Script>;

/** The first value of an event script's reply. */
export const statuses = { absent: 0, done: 1, fenced: 2, again: 3 } as const;
