/**
 * Who may import whom. The picture is in CONTRIBUTING.md; this table is what holds it.
 *
 * A layer is a folder under src/, or a file directly in it. An adapter is a layer of its own ('gates/sqlite'), so that
 * it can reach neither another port's adapters nor its own siblings. A layer without a rule is a breach: a new folder
 * has to say where it stands.
 */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { breach, isNode, type Node, nameOf, type ParsedFile, textOf, walk } from './source.ts';

interface Rule {
  /** Layers of this project; 'gates' stands for every gate. A layer may always import itself. */
  readonly layers: readonly string[];
  /** npm packages and Node's own modules; 'any' where the architecture leaves it open. */
  readonly packages: 'any' | readonly string[];
  readonly builtins: 'any' | readonly string[];
}

const pure = { packages: [], builtins: [] } as const;
const open = { packages: 'any', builtins: 'any' } as const;
const adapter = (...packages: string[]): Rule => ({ layers: ['core', 'lib'], packages, builtins: 'any' });

const rules: Readonly<Record<string, Rule>> = {
  core: { layers: [], ...pure },
  config: { layers: [], ...open },
  lib: { layers: ['core'], ...open },

  // Each with its own client library and no other.
  'gates/sqlite': adapter(),
  'gates/redis': adapter('redis'),
  'logs/embedded': adapter(),
  'logs/kafka': adapter('@platformatic/kafka'),
  'ledgers/sqlite': adapter(),
  'ledgers/mysql': { ...adapter('mysql2'), layers: ['core', 'lib', 'ledgers/sql'] },
  'ledgers/postgres': { ...adapter('pg'), layers: ['core', 'lib', 'ledgers/sql'] },
  // What the servers of SQL have in common; no database of its own.
  'ledgers/sql': adapter(),

  // Only what computes. Files, sockets, processes and timers reach the engine as ports.
  engine: {
    layers: ['core', 'lib'],
    packages: [],
    builtins: ['node:async_hooks', 'node:buffer', 'node:crypto', 'node:events', 'node:util'],
  },
  http: { layers: ['core', 'lib', 'engine'], ...open },
  testing: { layers: ['core', 'lib', 'engine'], ...open },
  load: { layers: ['core', 'lib'], ...open },
  lab: { layers: ['core', 'lib'], ...open },

  compose: {
    layers: ['core', 'lib', 'gates', 'logs', 'ledgers', 'engine', 'http', 'testing', 'config'],
    ...open,
  },
  cli: { layers: ['core', 'lib', 'engine', 'compose', 'config', 'lab', 'load'], ...open },
  main: { layers: ['compose', 'core', 'engine', 'config', 'http', 'lib'], ...open },
};

/** Files that may import a module by a name that only running them can tell, and what that is. */
const computed: Readonly<Record<string, string>> = {
  // A package has no services/, and the compiler would look for it; it is imported where it is found.
  'src/cli/lab/services.ts': 'services/services.ts of a checkout',
};

/** Every breach of the table in these files of src/. */
export function importBreaches(files: readonly ParsedFile[]): string[] {
  const found: string[] = [];
  for (const file of files) {
    const layer = layerOf(file.path);
    const rule = rules[layer];
    if (rule === undefined) {
      found.push(breach(file, 0, `'${layer}' has no rule about whom it may import`));
      continue;
    }
    for (const { specifier, at } of importsOf(file)) {
      const message = judge(file.path, layer, rule, specifier);
      if (message !== undefined) found.push(breach(file, at, message));
    }
  }
  return found;
}

function judge(path: string, layer: string, rule: Rule, specifier: string | undefined): string | undefined {
  if (specifier === undefined)
    return path in computed ? undefined : 'imports what only running it can tell; name the module in a literal';

  if (/^[./]|^file:/.test(specifier)) {
    const target = posix.join(posix.dirname(path), specifier);
    if (!specifier.startsWith('.') || !target.startsWith('src/')) return `imports ${specifier}, outside src/`;
    const other = layerOf(target);
    const allowed = other === layer || rule.layers.includes(other) || rule.layers.includes(other.split('/')[0] ?? '');
    return allowed ? undefined : `${layer} may not import ${other} (${specifier})`;
  }

  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `imports '${specifier}' without node:`;
    const allowed = rule.builtins === 'any' || rule.builtins.includes(specifier);
    return allowed ? undefined : `${layer} may not import ${specifier}`;
  }

  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name === 'dibs' || name.startsWith('#')) return `imports ${specifier}; inside src/ only relative paths`;
  const allowed = rule.packages === 'any' || rule.packages.includes(name);
  return allowed ? undefined : `${layer} may not import the package ${name}`;
}

/** 'src/gates/sqlite/gate.ts' -> 'gates/sqlite'; 'src/http/routes/claims.ts' -> 'http'; 'src/config.ts' -> 'config'. */
function layerOf(path: string): string {
  const [, first = '', second] = path.split('/');
  if (second === undefined) return first.replace(/\.\w+$/, '');
  return ['gates', 'logs', 'ledgers'].includes(first) ? `${first}/${second}` : first;
}

/** `specifier` is undefined where it is computed. */
function importsOf(file: ParsedFile): { specifier: string | undefined; at: number }[] {
  const found: { specifier: string | undefined; at: number }[] = [];
  walk(file.program, (node) => {
    const source = sourceOf(node);
    if (source !== undefined) found.push({ specifier: textOf(source), at: node.start });
  });
  return found;
}

function sourceOf(node: Node): Node | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return isNode(node['source']) ? node['source'] : undefined;
    case 'TSExternalModuleReference':
      return isNode(node['expression']) ? node['expression'] : undefined;
    // new URL('../redis/admit.lua', import.meta.url): a script or a worker of another layer is a dependency too.
    case 'NewExpression': {
      const [path, base] = node['arguments'] as unknown[];
      const beside = nameOf(node['callee']) === 'URL' && isNode(base) && base.type === 'MemberExpression';
      return beside && isNode(path) && textOf(path)?.startsWith('.') === true ? path : undefined;
    }
    case 'CallExpression': {
      const [path] = node['arguments'] as unknown[];
      return nameOf(node['callee']) === 'require' && isNode(path) ? path : undefined;
    }
    default:
      return undefined;
  }
}
