/** Where the service key of a pasted line comes from. */
export type KeySource = { readonly keysFile: string } | { readonly variable: string };

/** What a pasted line claims. */
export interface CurlClaim {
  readonly url: string;
  readonly eventId: string;
  readonly source: KeySource;
  /** An idempotency key, where a user may win more than once. */
  readonly key: string | null;
}

/**
 * Lines for another terminal that claim one place. The key itself is not in them: what is printed ends up in logs and
 * what is pasted in the history of a shell. Plain sh and sed, as a machine need have nothing else.
 */
export function curlLines({ url, eventId, source, key }: CurlClaim): string[] {
  const idempotency = key === null ? '' : `-H 'Idempotency-Key: ${key}' `;
  const first = [
    `curl ${url}/v1/events/${eventId}/claims -d '{"userId":"me"}' \\`,
    `  ${idempotency}-H 'Content-Type: application/json' \\`,
  ];
  if ('variable' in source) return [...first, `  -H "Authorization: Bearer $${source.variable}"`];
  return [
    ...first,
    `  -H "Authorization: Bearer $(sed -n 's/.*"serviceKey": "\\([^"]*\\)".*/\\1/p' \\`,
    `  ${shellWord(source.keysFile)})"`,
  ];
}

/** `text` as one word of a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
