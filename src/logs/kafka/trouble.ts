import { DibsError } from '../../core/errors.ts';

interface KafkaError extends Error {
  readonly apiId?: string;
  readonly serverErrorMessage?: string | null;
  readonly errors?: readonly unknown[];
}

/** The errors at the bottom of a nest: the outer ones only say how often something was tried. */
function* leavesOf(error: unknown): Generator<KafkaError> {
  if (!(error instanceof Error)) return;
  const { errors, cause } = error as KafkaError;
  const inner = [...(errors ?? []), cause].filter((one) => one instanceof Error);
  if (inner.length === 0) yield error;
  for (const one of inner) yield* leavesOf(one);
}

/** Whether a server gave one of these answers, by Kafka's own names of errors, anywhere in the nest. */
export function hasAnswer(error: unknown, ...ids: readonly string[]): boolean {
  return leavesOf(error).some(({ apiId }) => apiId !== undefined && ids.includes(apiId));
}

/** What went wrong, in a line. */
export function reasonOf(error: unknown): string {
  const reasons = new Set<string>();
  for (const { apiId, message, serverErrorMessage } of leavesOf(error)) {
    reasons.add(apiId === undefined ? message : `${apiId}: ${serverErrorMessage ?? message}`);
  }
  const some = [...reasons].slice(-3);
  return some.length === 0 ? String(error) : some.join('; ');
}

/** `unavailable`: `what`, and why. The client library's error goes no further: it nests one for each retry. */
export function unavailable(what: string, error?: unknown): DibsError {
  if (error instanceof DibsError) return error;
  return new DibsError('unavailable', error === undefined ? `${what}.` : `${what}: ${reasonOf(error)}`);
}

/** Whether the servers refuse who this says it is, or the way in which it says it. */
export const isLoginRefused = (error: unknown): boolean =>
  hasAnswer(error, 'SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM');
