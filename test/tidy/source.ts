/**
 * What every tidy check reads: a file's path, its text and, for TypeScript, its syntax tree.
 *
 * A tree, not a regular expression: the rules are about code, and a word in a comment or a string must neither break
 * one nor hide a breach. (oxc-parser, because TypeScript 7 has no API to ask yet.)
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, visitorKeys } from 'oxc-parser';

const root = join(import.meta.dirname, '../..');

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface SourceFile {
  /** From the root of the project, with forward slashes: `src/core/gate.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface ParsedFile extends SourceFile {
  readonly program: Node;
  readonly comments: readonly { readonly value: string; readonly start: number }[];
}

/** One fault, told the way editors and terminals can jump to. */
export function breach(file: SourceFile, at: number, message: string): string {
  return `${file.path}:${file.text.slice(0, at).split('\n').length}: ${message}`;
}

/** A file that does not parse throws: skipping it would pass everything it holds. */
export function parse(file: SourceFile): ParsedFile {
  const { program, comments, errors } = parseSync(file.path, file.text);
  if (errors.length > 0) throw new Error(`${file.path} does not parse: ${errors.map((e) => e.message).join('; ')}`);
  return { ...file, program: program as unknown as Node, comments };
}

/** Visits a tree in the order of the source. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const key of visitorKeys[node.type] ?? []) {
    const child = node[key];
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) walk(one, visit);
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** The name of an identifier, or the same name told as a string: `process.env` and `process['env']` are one thing. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? (node['name'] as string) : textOf(node);
}

/** The value of a string literal; undefined for whatever only running it can tell. */
export function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value'];
  // `...` without a placeholder is a string like any other, and would otherwise be a way around the import rules.
  const quasis = node['quasis'];
  if (node.type === 'TemplateLiteral' && Array.isArray(quasis) && quasis.length === 1) {
    return (quasis[0] as { value: { cooked: string } }).value.cooked;
  }
  return undefined;
}

/**
 * The project's own files: tracked, and those about to be, so that a fault shows before it is committed.
 * Without `safe.directory` git refuses a checkout that belongs to another user, as in a container it may.
 */
export function projectFiles(): SourceFile[] {
  const listed = execFileSync(
    'git',
    ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  );
  const paths = [...new Set(listed.split('\0'))].filter((path) => path !== '');
  return paths
    .filter((path) => existsSync(join(root, path)) && statSync(join(root, path)).isFile())
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));
}
