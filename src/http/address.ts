import { type OperationName, operations } from './operations.ts';

const known = Object.entries(operations).map(([name, { method, path }]) => ({
  name,
  method,
  segments: path.split('/'),
}));

/** The methods that an address answers, for `Allow`; none where there is no such address. `path` is without its query. */
export function methodsAt(path: string, served: readonly OperationName[]): string[] {
  const segments = path.split('/');
  const methods = new Set<string>();
  for (const { name, method, segments: wanted } of known) {
    const fits =
      wanted.length === segments.length &&
      wanted.every((segment, i) => (segment.startsWith(':') ? segments[i] !== '' : segment === segments[i]));
    if (!fits || !served.includes(name as OperationName)) continue;
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
  }
  return [...methods].toSorted();
}
