import { type Problem, problem } from './problem.ts';

/** The problem that an error of Fastify's own, thrown before a handler ran, leaves as; null where it is none of those. */
export function frameworkProblem(error: unknown): Problem | null {
  if (!(error instanceof Error)) return null;
  const { code, statusCode } = error as Error & { readonly code?: unknown; readonly statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem('payload_too_large');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return problem('malformed_request', 'The body is not as long as Content-Length says.');
    case 'FST_ERR_BAD_URL':
      return problem('malformed_request', 'The address is not well formed.');
    default:
      // Among them a body whose sender went away, which nobody will read.
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? problem('malformed_request')
        : null;
  }
}
