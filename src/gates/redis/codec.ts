import { type Decision, keyRequired, plainRejections } from '../../core/decision.ts';
import type { EventAct } from '../../core/event-act.ts';
import type { EventPhase, EventSnapshot, EventSpec } from '../../core/event-spec.ts';
import { DibsError } from '../../core/errors.ts';
import type { AdmitRequest } from '../../core/gate.ts';
import { type LogRecord, parseOutboxId, recordVersion } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { claimIdOf } from '../../lib/claim-id.ts';
import type { Reply } from './link.ts';

/** An event that nothing may be decided for before it is served on: `details.fenced` says so to whoever can do that. */
export const fenced = (eventId: string, why: string): DibsError =>
  new DibsError('recovering', `Event ${eventId}: ${why}.`, { details: { fenced: true } });

const listOf = (reply: Reply | undefined): readonly Reply[] =>
  Array.isArray(reply) ? (reply as readonly Reply[]) : [];

/** A reply of an event script: its status, and what stands behind it. */
export function statusOf(reply: Reply): { readonly status: number; readonly values: readonly Reply[] } {
  const [status, ...values] = listOf(reply);
  return { status: Number(status), values };
}

/** What a script gives of an event, behind the status: see `look.lua`. */
export function snapshotFrom(values: readonly Reply[]): { readonly event: EventSnapshot; readonly now: number } {
  const [now, isFenced, spec, phase, revision, epoch, won, acts, createdAt, lastTime] = values;
  const event: EventSnapshot = {
    spec: JSON.parse(String(spec)) as EventSpec,
    phase: phase as EventPhase,
    revision: Number(revision),
    epoch: Number(epoch),
    won: Number(won),
    acts: Number(acts),
    createdAt: Number(createdAt),
    lastTime: Number(lastTime),
  };
  return { event: isFenced === 1 ? { ...event, fenced: true } : event, now: Number(now) };
}

/** A spec as it is kept: always the same text for the same spec. */
export function specText({ id, name, capacity, limitPerUser, opensAt, closesAt }: EventSpec): string {
  return JSON.stringify({ id, name, capacity, limitPerUser, opensAt, closesAt });
}

/** A time as a field or an argument has it; `''` for none. */
export const timeText = (time: number | null): string => (time === null ? '' : String(time));

/** A win as its user's field has it, a line of its own: `slot time key`, the key empty where there is none. */
export const winText = ({ slot, wonAt, key }: Pick<Win, 'slot' | 'wonAt' | 'key'>): string =>
  `${slot} ${wonAt} ${key ?? ''}`;

/** A win as the outbox has it: `user key`. Neither holds a space or a line feed. */
export const lineText = ({ userId, key }: AdmitRequest): string => `${userId} ${key ?? ''}\n`;

/** The wins of one user, by `nth`, out of the user's field. Claim ids are not kept: they are a hash over what is. */
export function winsFrom(eventId: string, epoch: number, userId: string, field: string): Win[] {
  if (field === '') return [];
  return field.split('\n').map((line, index) => {
    const [slot, wonAt, key = ''] = line.split(' ');
    return winWith(eventId, epoch, {
      slot: Number(slot),
      userId,
      nth: index + 1,
      key: key === '' ? null : key,
      wonAt: Number(wonAt),
    });
  });
}

const winWith = (eventId: string, epoch: number, win: Omit<Win, 'claimId'>): Win => ({
  slot: win.slot,
  userId: win.userId,
  nth: win.nth,
  claimId: claimIdOf(eventId, epoch, win),
  key: win.key,
  wonAt: win.wonAt,
});

/** An entry of the outbox as `XRANGE` gives it, as the record that it is. */
export function recordFrom(eventId: string, entry: Reply): LogRecord {
  const [id, values] = listOf(entry);
  const list = listOf(values).map(String);
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < list.length; at += 2) fields.set(list[at] ?? '', list[at + 1] ?? '');
  const { slot, n } = parseOutboxId(String(id));
  if (fields.has('wins')) return winsRecordFrom(eventId, slot, fields);
  const spec = fields.get('spec');
  if (spec === undefined) throw fenced(eventId, `entry ${slot}-${n} of its outbox cannot be read`);
  return {
    v: recordVersion,
    type: 'event',
    eventId,
    epoch: Number(fields.get('epoch')),
    revision: Number(fields.get('revision')),
    act: fields.get('act') as EventAct,
    spec: JSON.parse(spec) as EventSpec,
    phase: fields.get('phase') as EventPhase,
    won: slot,
    n,
    time: Number(fields.get('time')),
  };
}

function winsRecordFrom(eventId: string, last: number, fields: ReadonlyMap<string, string>): LogRecord {
  const [revision = 0, epoch = 0, time = 0] = (fields.get('of') ?? '').split(' ').map(Number);
  const nths = fields.get('nths')?.split(' ');
  const times = fields.get('times')?.split(' ');
  // Behind the last line feed is nothing.
  const lines = (fields.get('wins') ?? '').split('\n').slice(0, -1);
  const wins = lines.map((line, index) => {
    const [userId = '', key = ''] = line.split(' ');
    return winWith(eventId, epoch, {
      slot: last - lines.length + 1 + index,
      userId,
      nth: Number(nths?.[index] ?? 1),
      key: key === '' ? null : key,
      wonAt: Number(times?.[index] ?? time),
    });
  });
  return { v: recordVersion, type: 'wins', eventId, epoch, revision, wins };
}

/** The wins of one entry of the outbox, as its fields: what `admit.lua` writes, for wins of any times. */
export function entryFields(revision: number, epoch: number, wins: readonly Win[]): string[] {
  const first = wins[0]?.wonAt ?? 0;
  const fields = ['of', `${revision} ${epoch} ${first}`, 'wins', wins.map(lineText).join('')];
  if (wins.some((win) => win.nth !== 1)) fields.push('nths', wins.map((win) => win.nth).join(' '));
  if (wins.some((win) => win.wonAt !== first)) fields.push('times', wins.map((win) => win.wonAt).join(' '));
  return fields;
}

const rejections = new Map<number, Decision>([
  [-1, plainRejections.closed],
  [-3, plainRejections.paused],
  [-4, plainRejections.sold_out],
  [-5, keyRequired],
]);

/** What `admit.lua` gives behind the status, as decisions. */
export function decisionsFrom(
  eventId: string,
  requests: readonly AdmitRequest[],
  values: readonly Reply[],
): Decision[] {
  const [epochText, nowText, opensAtText, limit, ...answers] = values;
  const epoch = Number(epochText);
  const wonAt = Number(nowText);
  const notOpen: Decision = { outcome: 'rejected', reason: 'not_open', wins: [], opensAt: Number(opensAtText) };
  return requests.map(({ userId, key }, index): Decision => {
    const answer = answers[index];
    if (typeof answer === 'string') {
      const wins = winsFrom(eventId, epoch, userId, answer);
      const win = limit === 1 ? wins[0] : wins.find((one) => one.key === key);
      if (win !== undefined) return { outcome: 'won', replayed: true, win };
      return { outcome: 'rejected', reason: 'limit_reached', wins, opensAt: null };
    }
    if (typeof answer !== 'number')
      throw new DibsError('unknown_outcome', 'Redis gave fewer decisions than it was asked for.');
    if (answer < 0) return rejections.get(answer) ?? notOpen;
    const place = { slot: Math.floor(answer / 128), userId, nth: answer % 128, key, wonAt };
    return { outcome: 'won', replayed: false, win: winWith(eventId, epoch, place) };
  });
}
