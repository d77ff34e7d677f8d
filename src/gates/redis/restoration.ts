import { randomBytes } from 'node:crypto';
import { DibsError } from '../../core/errors.ts';
import type { EventProgress, Restoration } from '../../core/gate.ts';
import type { EventSnapshot } from '../../core/event-spec.ts';
import type { Win } from '../../core/win.ts';
import { claimIdOf } from '../../lib/claim-id.ts';
import { entryFields, snapshotFrom, specText, statusOf, timeText, winText } from './codec.ts';
import type { RedisConnection } from './connection.ts';
import { type KeyNames, listOf } from './keys.ts';
import { scripts, statuses } from './scripts.ts';

// What one command lays ready: Redis serves nobody else while it takes it, about 1 ms.
const winsPerStep = 500;
// A restoration that breaks off leaves nothing for longer than this.
const readyForMs = '3600000';

/**
 * Puts an event back: its wins are laid ready under keys of their own, in steps, and one script then puts all of it in place.
 * Whoever looks in between finds what stood before. Null where something else stands than was expected. Throws `recovery_conflict` where the wins are not those of this event.
 */
export async function restoreEvent(
  connection: RedisConnection,
  names: KeyNames,
  restoration: Restoration,
): Promise<EventSnapshot | null> {
  const { event, wins, ifStanding } = restoration;
  const fields = checkedFields(restoration);
  const { id } = event.spec;
  const ready = names.readyFor(id, randomBytes(8).toString('hex'));
  const keys = [...listOf(names.of(id)), ready.users, ready.outbox];
  for (let at = 0; at < fields.length; at += winsPerStep)
    await layReady(connection, ready.users, ['HSET', ready.users, ...fields.slice(at, at + winsPerStep).flat()]);
  const entries = entriesOf(event, wins);
  for (const entry of entries) await layReady(connection, ready.outbox, ['XADD', ready.outbox, ...entry]);
  const counts = [String(fields.length), String(entries.length)];
  const expected = ifStanding === undefined ? '*' : progressText(ifStanding);
  const reply = await connection.run(scripts.restore, keys, [...counts, expected, ...headOf(event, fields.length)]);
  const { status, values } = statusOf(reply);
  if (status === statuses.again) return null;
  if (status !== statuses.done)
    throw new DibsError('unavailable', `What was laid ready of event ${id} is not whole; nothing was restored.`);
  return snapshotFrom(values).event;
}

const progressText = (standing: EventProgress | null): string =>
  standing === null ? '' : `${standing.won} ${standing.acts} ${standing.revision}`;

async function layReady(connection: RedisConnection, key: string, command: readonly string[]): Promise<void> {
  await connection.send(key, ...command);
  await connection.send(key, 'PEXPIRE', key, readyForMs);
}

/** Each user's wins as a field; the wins must be all of 1 to `won`, each user's counted from 1, with the ids they make. */
function checkedFields({ event, wins }: Restoration): [userId: string, text: string][] {
  const { spec, epoch, won } = event;
  const conflict = (win: Win, what: string) =>
    new DibsError('recovery_conflict', `Slot ${win.slot} of event ${spec.id}, claim ${win.claimId}, ${what}.`);
  const users = new Map<string, { count: number; text: string }>();
  for (const [index, win] of wins.entries()) {
    const own = users.get(win.userId) ?? { count: 0, text: '' };
    if (win.slot !== index + 1) throw conflict(win, `stands where slot ${index + 1} is to be`);
    if (win.nth !== own.count + 1) throw conflict(win, `is win ${own.count + 1} of its user, not ${win.nth}`);
    // The gate makes claim ids anew from what it keeps: a win with another id would change its name.
    if (win.claimId !== claimIdOf(spec.id, epoch, win)) throw conflict(win, 'has not the id that its parts make');
    users.set(win.userId, { count: win.nth, text: own.count === 0 ? winText(win) : `${own.text}\n${winText(win)}` });
  }
  if (wins.length !== won)
    throw new DibsError('recovery_conflict', `Event ${spec.id} is to have ${won} wins, and ${wins.length} are given.`);
  return [...users].map(([userId, { text }]) => [userId, text]);
}

/** The outbox as `Gate.restore` wants it: a `recover` record of the revision before, the wins, and one of the event's own. */
function entriesOf(event: EventSnapshot, wins: readonly Win[]): string[][] {
  const { revision, epoch, won, acts, createdAt, lastTime } = event;
  const entries: string[][] = [];
  if (won > 0) entries.push(['0-1', ...actFields(event, revision - 1, createdAt)]);
  for (let at = 0; at < wins.length; at += winsPerStep) {
    const piece = wins.slice(at, at + winsPerStep);
    entries.push([`${at + piece.length}-0`, ...entryFields(revision - 1, epoch, piece)]);
  }
  return [...entries, [`${won}-${acts}`, ...actFields(event, revision, lastTime)]];
}

const actFields = ({ spec, phase, epoch }: EventSnapshot, revision: number, time: number): string[] => [
  'act',
  'recover',
  'phase',
  phase,
  'revision',
  String(revision),
  'epoch',
  String(epoch),
  'time',
  String(time),
  'spec',
  specText(spec),
];

/** The fields of the event itself. */
function headOf(event: EventSnapshot, users: number): string[] {
  const { spec, phase, revision, epoch, won, acts, createdAt, lastTime } = event;
  const fields: Record<string, string | number> = {
    spec: specText(spec),
    capacity: spec.capacity,
    limit: spec.limitPerUser,
    opensAt: timeText(spec.opensAt),
    closesAt: timeText(spec.closesAt),
    phase,
    revision,
    epoch,
    won,
    acts,
    users,
    createdAt,
    lastTime,
  };
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
}
