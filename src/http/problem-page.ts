import { type TroubleCode, troubles } from '../core/errors.ts';
import { problemCodeOf, problemPath, statusOf } from './problem.ts';

/** What `/problems/{code}` says, as JSON. */
export interface ProblemExplanation {
  readonly type: string;
  readonly code: TroubleCode;
  readonly title: string;
  readonly status: number;
  /** Whether the same request may succeed later without any change by its sender. */
  readonly retryable: boolean;
  readonly remedy: string;
}

/** Explains a code; null where there is none of that name. */
export function explainProblem(code: string): ProblemExplanation | null {
  if (!Object.hasOwn(troubles, code)) return null;
  const known = code as TroubleCode;
  const { title, retryable, remedy } = troubles[known];
  return { type: problemPath(known), code: known, title, status: statusOf[problemCodeOf(known)], retryable, remedy };
}

// Nothing from anywhere else may run on the page, and no other page may frame it.
const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/** Headers of the page, name, value, name, value. */
export const pageHeaders = [
  'Content-Security-Policy',
  policy,
  'X-Content-Type-Options',
  'nosniff',
  'Cache-Control',
  'public, max-age=3600',
];

/** The explanation as a small page of its own. Its texts are those of the table of troubles, none comes from outside. */
export function problemPage(explanation: ProblemExplanation): string {
  const { code, title, status, retryable, remedy } = explanation;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} (${code})</title>
<style>
:root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif; }
main { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
code { font-size: 0.95em; }
</style>
<main>
<p><code>${status} ${code}</code></p>
<h1>${title}</h1>
<p>What to do: ${markCode(remedy)}</p>
<p>${retryable ? 'The same request may succeed later.' : 'The same request will be answered the same again.'}</p>
</main>
</html>
`;
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const markCode = (text: string): string => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');
