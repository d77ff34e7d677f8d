import type { Command } from 'commander';
import type { HeldWins, RecoveryPlan } from '../../engine/views.ts';
import { doesOnServer, type ServerAct } from '../act.ts';
import { confirmed, yesFlag } from '../confirm.ts';
import { eventLines, type ShownEvent } from '../event-text.ts';
import { eventPath, type Wire } from '../server.ts';
import { fields } from '../table.ts';
import { count, plural, visible, wrap } from '../text.ts';
import { CliTrouble, type ExitCode, usage } from '../trouble.ts';

type ShownPlan = Wire<RecoveryPlan>;
type Options = Readonly<Record<string, string>>;

// All records of an event are read twice: for the plan, and for the rebuilding itself.
const timeoutMs = 600_000;
const conflictRemedy = 'Discard what waits to be (`dibs failed list`); mend the rest by hand, then recover again.';

export function defineRecover(command: Command): void {
  command
    .argument('[event]', 'id of the event')
    .option('--all', 'all events that wait for recovery')
    .option(...yesFlag);
  doesOnServer(command, async (act, options, eventId) => {
    if ((eventId === undefined) === !('all' in options)) throw usage('Name an event, or say --all.');
    return eventId === undefined ? await recoverAll(act, options) : await recoverOne(act, options, eventId);
  });
}

async function recoverOne(act: ServerAct, options: Options, eventId: string): Promise<ExitCode> {
  const { screen } = act;
  const plan = await planOf(act, eventId);
  if (!plan.needed) {
    screen.document({ recovered: false, plan });
    screen.lines(`${eventId} is served and needs no recovery.`);
    return 0;
  }
  if (plan.findings.length > 0) {
    throw new CliTrouble('recovery_conflict', conflictOf(plan), {
      remedy: `Nothing was changed. ${conflictRemedy}`,
      details: { plan },
    });
  }
  const intent = {
    preview: planLines(plan, screen.width),
    question: `Rebuild ${eventId} as shown?`,
    details: { act: 'recover', plan },
  };
  if (!(await confirmed(act, options, intent))) return 1;
  const event = await rebuilt(act, eventId);
  screen.document(event === null ? { recovered: false, plan } : { recovered: true, event });
  screen.lines(...(event === null ? [`${eventId} was served again meanwhile.`] : eventLines(event, screen)));
  return 0;
}

/** Those whose stores contradict each other are left as they are, and the others are not. */
async function recoverAll(act: ServerAct, options: Options): Promise<ExitCode> {
  const { screen, server } = act;
  const { items } = await server.list<ShownEvent>('/v1/events', Number.MAX_SAFE_INTEGER);
  const plans: ShownPlan[] = [];
  for (const { id, state } of items) if (state === 'recovering') plans.push(await planOf(act, id));
  const needed = plans.filter((plan) => plan.needed);
  const left = needed.filter(({ findings }) => findings.length > 0);
  const ready = needed.filter(({ findings }) => findings.length === 0);
  const events: ShownEvent[] = [];
  if (ready.length > 0) {
    const intent = {
      preview: ready.flatMap((plan) => [...planLines(plan, screen.width), '']).slice(0, -1),
      question: `Rebuild ${ready.length === 1 ? 'it' : `all ${count(ready.length)}`} as shown?`,
      details: { act: 'recover', plans: ready },
    };
    if (!(await confirmed(act, options, intent))) return 1;
    for (const { eventId } of ready) {
      const event = await rebuilt(act, eventId);
      if (event === null) continue;
      events.push(event);
      screen.lines(`${eventId} is served again: ${count(event.won)} won, ${count(event.remaining)} remaining.`);
    }
  } else if (left.length === 0) screen.lines('No event waits for recovery.');
  screen.document({ recovered: events, left });
  for (const plan of left) screen.lines(...conflictOf(plan).split('\n'));
  if (left.length > 0) screen.lines(`They are left as they are. ${conflictRemedy}`);
  return left.length === 0 ? 0 : 1;
}

async function planOf({ server }: ServerAct, eventId: string): Promise<ShownPlan> {
  return (await server.ask<ShownPlan>({ path: eventPath(eventId, '/recovery'), as: 'admin', timeoutMs })).body;
}

/** Null where somebody else was faster. */
async function rebuilt({ server }: ServerAct, eventId: string): Promise<ShownEvent | null> {
  const path = eventPath(eventId, '/recover');
  const call = { method: 'POST', path, as: 'admin', timeoutMs, expected: ['not_recovering'] } as const;
  const { body, problem } = await server.ask<ShownEvent>(call);
  return problem === null ? body : null;
}

const conflictOf = ({ eventId, findings }: ShownPlan): string =>
  [
    `The stores of ${eventId} contradict each other:`,
    ...findings.map(({ rule, message }) => `- ${rule}: ${visible(message)}`),
  ].join('\n');

function planLines({ eventId, cause, gate, outbox, log, ledger, after, lost }: ShownPlan, width: number): string[] {
  const long = (name: string, text: string): [string, string][] =>
    wrap(visible(text), width - 12).map((line, i) => [i === 0 ? name : '', line]);
  return [
    `${eventId} waits for recovery. It would be rebuilt from what its stores hold:`,
    ...fields([
      ...long('cause', cause),
      ['gate', gate === null ? 'has nothing of it' : `${count(gate.won)} won, revision ${gate.revision}`],
      ...(outbox === null ? [] : [['outbox', heldWords(outbox)] as [string, string]]),
      ...(log === null ? [] : [['log', `${heldWords(log)}, not issued yet`] as [string, string]]),
      ['ledger', `${count(ledger.won)} won, revision ${ledger.revision}`],
      ['', `${count(ledger.issued)} issued, ${count(ledger.failed)} failed, ${count(ledger.discarded)} discarded`],
      ['after', `${count(after.won)} won, ${count(after.remaining)} remaining, next slot ${count(after.nextSlot)}`],
      ...long('lost', lost),
    ]),
  ];
}

const heldWords = ({ wins, lastSlot }: HeldWins): string =>
  wins === 0 ? 'has no wins of it' : `${plural(wins, 'win')}, the last of slot ${count(lastSlot)}`;
