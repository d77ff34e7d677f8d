import type { Command } from 'commander';
import type { HeldWins, RecoveryPlan } from '../../engine/views.ts';
import { doesOnServer } from '../act.ts';
import { confirmed, yesFlag } from '../confirm.ts';
import { eventLines, type ShownEvent } from '../event-text.ts';
import { eventPath, type Wire } from '../server.ts';
import { fields } from '../table.ts';
import { count, plural, visible, wrap } from '../text.ts';
import { CliTrouble } from '../trouble.ts';

type ShownPlan = Wire<RecoveryPlan>;

// All records of an event are read twice: for the plan, and for the rebuilding itself.
const timeoutMs = 600_000;

export function defineRecover(command: Command): void {
  command.argument('<event>', 'id of the event').option(...yesFlag);
  doesOnServer(command, async (act, options, eventId = '') => {
    const { screen, server } = act;
    const path = eventPath(eventId, '/recovery');
    const { body: plan } = await server.ask<ShownPlan>({ path, as: 'admin', timeoutMs });
    if (!plan.needed) {
      screen.document({ recovered: false, plan });
      screen.lines(`${eventId} is served and needs no recovery.`);
      return 0;
    }
    if (plan.findings.length > 0) {
      const said = plan.findings.map(({ rule, message }) => `- ${rule}: ${visible(message)}`).join('\n');
      throw new CliTrouble('recovery_conflict', `The stores of ${eventId} contradict each other:\n${said}`, {
        remedy:
          'Nothing was changed. Discard what waits to be (`dibs failed list`); mend the rest by hand, then recover again.',
        details: { plan },
      });
    }
    const intent = {
      preview: planLines(plan, screen.width),
      question: `Rebuild ${eventId} as shown?`,
      details: { act: 'recover', plan },
    };
    if (!(await confirmed(act, options, intent))) return 1;
    const call = { method: 'POST', path: eventPath(eventId, '/recover'), as: 'admin', timeoutMs } as const;
    const { body: event } = await server.ask<ShownEvent>(call);
    screen.document({ recovered: true, event });
    screen.lines(...eventLines(event, screen));
    return 0;
  });
}

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
