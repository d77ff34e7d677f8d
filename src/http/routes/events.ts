import type { EventView } from '../../engine/views.ts';
import { eventIdOf, revisionGuard } from '../call-input.ts';
import type { Answer, Handlers, HttpContext } from '../context.ts';

type EventOperation =
  | 'createEvent'
  | 'listEvents'
  | 'getEvent'
  | 'changeEvent'
  | 'pauseEvent'
  | 'resumeEvent'
  | 'closeEvent'
  | 'audit'
  | 'recoveryPlan'
  | 'recover';

// Countdowns run by `serverTime` and stock is counted down live: the shortest cache would already show a wrong number.
const noStore = ['Cache-Control', 'no-store'];

/** `extra` is name, value, name, value. The tag is the revision: what If-Match is compared with, not a hash of the bytes. */
const eventAnswer = (event: EventView, status = 200, extra: readonly string[] = []): Answer => ({
  status,
  json: event,
  headers: [...noStore, 'ETag', `"${event.revision}"`, ...extra],
});

/** The calls on events, their audit and their recovery. */
export function eventHandlers({ dibs }: HttpContext): Handlers<EventOperation> {
  return {
    createEvent: async ({ body }) => {
      const { event, created } = await dibs.createEvent(body);
      return created ? eventAnswer(event, 201, ['Location', `/v1/events/${event.id}`]) : eventAnswer(event);
    },
    listEvents: async ({ query }) => ({ status: 200, json: await dibs.listEvents(query), headers: noStore }),
    getEvent: async ({ params }) => eventAnswer(await dibs.getEvent(eventIdOf(params))),
    changeEvent: async ({ params, body, ifMatch }) =>
      eventAnswer(await dibs.changeEvent(eventIdOf(params), body, revisionGuard(ifMatch))),
    pauseEvent: async ({ params, ifMatch }) =>
      eventAnswer(await dibs.pauseEvent(eventIdOf(params), revisionGuard(ifMatch))),
    resumeEvent: async ({ params, ifMatch }) =>
      eventAnswer(await dibs.resumeEvent(eventIdOf(params), revisionGuard(ifMatch))),
    closeEvent: async ({ params, ifMatch }) =>
      eventAnswer(await dibs.closeEvent(eventIdOf(params), revisionGuard(ifMatch))),
    audit: async ({ params }) => ({ status: 200, json: await dibs.audit(eventIdOf(params)), headers: noStore }),
    recoveryPlan: async ({ params }) => ({
      status: 200,
      json: await dibs.recoveryPlan(eventIdOf(params)),
      headers: noStore,
    }),
    recover: async ({ params }) => eventAnswer(await dibs.recover(eventIdOf(params))),
  };
}
