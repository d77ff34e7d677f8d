/** How code under src/ is written: sizes, names of files, and what the language has but this project does not use. */
import { basename } from 'node:path/posix';
import { breach, isNode, type Node, nameOf, type ParsedFile, type SourceFile, walk } from './source.ts';

const linesMax = { median: 140, p90: 320, any: 450 };

/** Sizes are a budget over all files: one long file may be worth it, a habit of them is not. */
export function sizeBreaches(files: readonly SourceFile[]): string[] {
  const sized = files
    .map((file) => ({ file, lines: file.text.trimEnd().split('\n').length }))
    .toSorted((a, b) => a.lines - b.lines);
  const at = (share: number) => sized[Math.max(0, Math.ceil(sized.length * share) - 1)]?.lines ?? 0;
  const found = sized
    .filter(({ lines }) => lines > linesMax.any)
    .map(({ file, lines }) => breach(file, 0, `${lines} lines, over ${linesMax.any}`));
  for (const [name, share, max] of [
    ['median', 0.5, linesMax.median],
    ['p90', 0.9, linesMax.p90],
  ] as const) {
    const longest = sized.slice(-5).map(({ file, lines }) => `${file.path} ${lines}`);
    if (at(share) > max) found.push(`src: ${name} file has ${at(share)} lines, over ${max} (${longest.join(', ')})`);
  }
  return found;
}

/** A name that says nothing collects everything. */
export function fileNameBreaches(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /^(utils?|helpers?|common|misc|shared)\.ts$/.test(basename(path)))
    .map((file) => breach(file, 0, 'a file is named after what it does, not "utils"'));
}

/** SQL and Lua run where no type checker looks, so each says first what it promises. */
export function headerBreaches(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path, text }) => /\.(sql|lua)$/.test(path) && !/^\s*(--.*\w|\/\*[^/]*\w)/.test(text))
    .map((file) => breach(file, 0, 'begins without a header comment'));
}

export function syntaxBreaches(file: ParsedFile): string[] {
  const found: string[] = [];
  const add = (node: { start: number }, message: string) => found.push(breach(file, node.start, message));

  walk(file.program, (node) => {
    const refused = refusedSyntax(node);
    if (refused !== undefined) add(node, refused);
    if (file.path !== 'src/config.ts' && readsEnvironment(node)) add(node, 'only src/config.ts reads the environment');
    if (/^src\/(core|engine)\//.test(file.path)) {
      const impure = impureCall(node);
      if (impure !== undefined) add(node, `${impure} in core or engine: take it from the Clock or as a port`);
    }
  });
  for (const comment of file.comments) {
    if (/@ts-(ignore|nocheck)/.test(comment.value)) add(comment, 'switches the type checker off');
  }
  if (isBarrel(file)) add(file.program, 'only passes on what others export; only a main.ts does that');
  return found;
}

function refusedSyntax(node: Node): string | undefined {
  switch (node.type) {
    case 'TSAnyKeyword':
      return '`any`';
    case 'ExportDefaultDeclaration':
      return 'default export';
    case 'ExportSpecifier':
      return nameOf(node['exported']) === 'default' ? 'default export' : undefined;
    case 'TSEnumDeclaration':
      return 'enum: Node does not run it';
    case 'TSModuleDeclaration':
      // `declare module 'x'` only types what has no types; it leaves nothing to run.
      return node['declare'] === true ? undefined : 'namespace: Node does not run it';
    case 'TSParameterProperty':
      return 'parameter property: Node does not run it';
    default:
      return undefined;
  }
}

/** process.env, process['env'], `const { env } = process` and `import { env } from 'node:process'`. */
function readsEnvironment(node: Node): boolean {
  switch (node.type) {
    case 'MemberExpression':
      return nameOf(node['object']) === 'process' && nameOf(node['property']) === 'env';
    case 'VariableDeclarator': {
      const properties = isNode(node['id']) ? node['id']['properties'] : undefined;
      if (nameOf(node['init']) !== 'process' || !Array.isArray(properties)) return false;
      return properties.some((property: Node) => nameOf(property['key']) === 'env');
    }
    case 'ImportDeclaration':
      if (nameOf(node['source']) !== 'node:process') return false;
      return (node['specifiers'] as Node[]).some((specifier) => nameOf(specifier['imported']) === 'env');
    default:
      return false;
  }
}

const impureMembers = new Set(['Date.now', 'performance.now', 'Math.random']);
const impureGlobals = new Set(['setTimeout', 'setInterval']);

/** Members count even when they are not called (`now = Date.now`); a port's own method may be named like a global. */
function impureCall(node: Node): string | undefined {
  if (node.type === 'MemberExpression') {
    const [object = '', property = ''] = [nameOf(node['object']), nameOf(node['property'])];
    if (impureMembers.has(`${object}.${property}`)) return `${object}.${property}`;
    return object === 'globalThis' && impureGlobals.has(property) ? property : undefined;
  }
  const callee = nameOf(node['callee']) ?? '';
  if (node.type === 'CallExpression' && (impureGlobals.has(callee) || callee === 'Date')) return `${callee}()`;
  const bare = node.type === 'NewExpression' && (node['arguments'] as unknown[]).length === 0;
  return bare && callee === 'Date' ? 'new Date()' : undefined;
}

/** Also in two steps: `import { a } from './a.ts'; export { a };`. */
function isBarrel(file: ParsedFile): boolean {
  if (basename(file.path) === 'main.ts') return false;
  const body = file.program['body'] as Node[];
  const exporting = body.filter((node) => node.type.startsWith('Export'));
  const passesOn = (node: Node) =>
    node.type === 'ImportDeclaration' ||
    node.type === 'ExportAllDeclaration' ||
    (node.type === 'ExportNamedDeclaration' && node['declaration'] === null);
  return exporting.length > 0 && body.every(passesOn);
}
