import { DibsError } from '../core/errors.ts';

/**
 * Parses one JSON text. Throws `malformed_json`, for a key `__proto__` at any depth too: nobody means it, and whoever
 * copies such an object changes its prototype instead.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DibsError('malformed_json', jsonFault(text, error));
  }
  // A backslash may spell any letter of the key as \u….
  if ((text.includes('__proto__') || text.includes('\\')) && hasProtoKey(value)) {
    throw new DibsError('malformed_json', 'The key __proto__ is not allowed.');
  }
  return value;
}

function jsonFault(text: string, error: unknown): string {
  if (text.trim() === '') return 'The body is empty.';
  // The parser's own message quotes the body, which may hold what its sender would not like to see in a log.
  const at = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  return at === undefined ? 'The body is not one complete JSON text.' : `The body is not JSON from character ${at} on.`;
}

/** Without recursion: 16 KiB of brackets are 16,000 levels. */
function hasProtoKey(root: unknown): boolean {
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) return true;
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) open.push(child);
  }
  return false;
}
