import type { Command } from 'commander';
import type { AuditReport } from '../../engine/views.ts';
import { doesOnServer, type ServerAct } from '../act.ts';
import type { ShownEvent } from '../event-text.ts';
import type { Screen } from '../screen.ts';
import { eventPath, type Wire } from '../server.ts';
import { fields } from '../table.ts';
import { count, visible, wrap } from '../text.ts';

/** What an audit found of one event. */
export type ShownAudit = Wire<AuditReport>;

// An event of ten million wins is compared slot by slot.
const auditTimeoutMs = 600_000;

export function defineAudit(command: Command): void {
  command.argument('[event]', 'id of the event; all events where absent');
  doesOnServer(command, async (act, _, eventId) => {
    const { screen, server } = act;
    if (eventId !== undefined) {
      const report = await auditOf(act, eventId);
      screen.document({ eventId, ...report });
      screen.lines(...auditLines(eventId, report, screen));
      return report.ok ? 0 : 1;
    }
    const { items: events } = await server.list<ShownEvent>('/v1/events', Number.MAX_SAFE_INTEGER);
    const items: (ShownAudit & { eventId: string })[] = [];
    const recovering = events.filter(({ state }) => state === 'recovering').map(({ id }) => id);
    for (const { id } of events) {
      if (recovering.includes(id)) {
        screen.lines(`${screen.paint('bold', id)}  ${screen.paint('red', `waits for recovery: dibs recover ${id}`)}`);
        continue;
      }
      const report = await auditOf(act, id);
      items.push({ eventId: id, ...report });
      screen.lines(...auditLines(id, report, screen));
    }
    const ok = recovering.length === 0 && items.every((item) => item.ok);
    screen.document({ ok, items, recovering });
    if (events.length === 0) screen.lines('There are no events yet.');
    return ok ? 0 : 1;
  });
}

/** Compares the stores of one event. */
export async function auditOf({ server }: Pick<ServerAct, 'server'>, eventId: string): Promise<ShownAudit> {
  const call = { path: eventPath(eventId, '/audit'), as: 'admin', timeoutMs: auditTimeoutMs } as const;
  return (await server.ask<ShownAudit>(call)).body;
}

function auditLines(eventId: string, report: ShownAudit, { paint, width }: Screen): string[] {
  const { ok, capacity, won, logged, issued, unissued, failed, discarded, findings } = report;
  const verdict = ok
    ? paint('green', 'ok: gate, log and ledger agree')
    : paint('red', `not ok: ${count(findings.length)} finding${findings.length === 1 ? '' : 's'}`);
  return [
    `${paint('bold', eventId)}  ${verdict}`,
    ...fields([
      ['capacity', count(capacity)],
      [
        'won',
        `${count(won)} = ${count(issued)} issued + ${count(unissued)} waiting + ${count(failed)} failed + ${count(discarded)} discarded`,
      ],
      ['logged', count(logged)],
    ]),
    ...findings.flatMap(({ rule, message }) =>
      wrap(`${rule}: ${visible(message)}`, width - 2).map((line) => `  ${line}`),
    ),
  ];
}
