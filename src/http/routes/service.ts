import { DibsError } from '../../core/errors.ts';
import { preferredType } from '../accept.ts';
import type { Answer, Call, Handlers, HttpContext } from '../context.ts';
import { operations } from '../operations.ts';
import { problem } from '../problem.ts';
import { explainProblem, pageHeaders, problemPage } from '../problem-page.ts';
import { ProblemError } from '../trouble.ts';

type ServiceOperation = 'stream' | 'livez' | 'readyz' | 'metrics' | 'openapi' | 'explainProblem' | 'index';

const noStore = ['Cache-Control', 'no-store'];

/** What the server says of itself. `document` is the text of `/openapi.json`. */
export function serviceHandlers(context: HttpContext, document: string): Handlers<ServiceOperation> {
  const { dibs, metrics, log, stream } = context;
  return {
    stream: ({ res, head }) => {
      if (head) return { status: 200, type: 'text/event-stream', text: '', headers: noStore };
      if (!stream.open(res)) throw new DibsError('overloaded', 'As many as may be follow the figures already.');
      return 'taken';
    },
    livez: () => ({ status: 200, json: { live: true }, headers: noStore }),
    readyz: (call) => readiness(call, context),
    metrics: async () => {
      // A scrape that fails hides the very figures that would say why; what this process measured it still knows.
      const figures = await dibs.figures().catch((error: unknown) => {
        log.warn({ err: error }, 'no figures for the metrics');
        return null;
      });
      return { status: 200, type: metrics.contentType, text: await metrics.render(figures), headers: noStore };
    },
    openapi: () => ({ status: 200, type: 'application/json', text: document }),
    explainProblem: ({ params, accept }) => explanation(params['code'] ?? '', accept),
    index: () => ({ status: 200, json: index, headers: noStore }),
  };
}

/** 200 as long as claims of some events can be decided. It names what is missing, and why to those who may read the log. */
async function readiness({ caller, local }: Call, { dibs, stop }: HttpContext): Promise<Answer> {
  const { ready, missing } = await dibs.readiness();
  const named = missing.map(({ store, message }) => ({
    store,
    message: local || caller.kind === 'admin' ? message : 'It does not answer as it should.',
  }));
  if (stop.stopping) named.push({ store: 'server', message: 'It is stopping.' });
  if (ready && !stop.stopping) return { status: 200, json: { ready, missing: named }, headers: noStore };
  const names = named.map(({ store }) => store).join(', ');
  const detail = `Not ready: ${names === '' ? 'the engine' : names}.`;
  throw new ProblemError(problem('unavailable', detail, { ready: false, missing: named }));
}

function explanation(code: string, accept: string | undefined): Answer {
  const found = explainProblem(code);
  if (found === null) throw new DibsError('not_found', 'There is no problem of that name.');
  return preferredType(accept, ['text/html', 'application/json']) === 'text/html'
    ? {
        status: 200,
        type: 'text/html; charset=utf-8',
        text: problemPage(found),
        headers: [...pageHeaders, 'Vary', 'Accept'],
      }
    : { status: 200, json: found, headers: ['Cache-Control', 'public, max-age=3600', 'Vary', 'Accept'] };
}

const index = {
  name: 'dibs',
  documentation: '/openapi.json',
  addresses: Object.values(operations).map(({ method, path, summary }) => ({
    method,
    path: path.replaceAll(/:(\w+)/g, '{$1}'),
    summary,
  })),
};
