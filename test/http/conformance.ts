/** Holds every answer that a test gets against the table of operations, so that `/openapi.json` cannot say another thing. */
import assert from 'node:assert/strict';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type Operation, problemsOf } from '../../src/http/operation.ts';
import { operations } from '../../src/http/operations.ts';
import { type ProblemCode, statusOf } from '../../src/http/problem.ts';
import { problemSchema } from '../../src/http/schemas.ts';
import type { Got } from './rig.ts';

const forms = Object.values(operations).map((operation: Operation) => ({
  operation,
  path: new RegExp(`^${operation.path.replaceAll(/:\w+/g, '[^/]*')}$`),
}));

/** Throws where an answer is none that the operation declares. */
export function assertDeclared(method: string, path: string, got: Got): void {
  const [address = ''] = path.split('?');
  const own = method === 'HEAD' ? 'GET' : method;
  const found = forms.find((form) => form.operation.method === own && form.path.test(address))?.operation;
  if (found === undefined) {
    assert.ok(['not_found', 'method_not_allowed'].includes(got.json.code) || method === 'HEAD', got.text);
    return;
  }
  if (got.status >= 400) return assertDeclaredProblem(found, method, got);
  const form = found.answers[got.status];
  assert.ok(form !== undefined, `${method} ${path} may not be answered ${got.status}`);
  for (const name of form.headers ?? []) assert.ok(got.headers.has(name), `${method} ${path} lacks ${name}`);
  const type = (got.headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (type === 'application/json' && form.json !== undefined && method !== 'HEAD') assertFits(form.json, got.json);
  else assert.ok(method === 'HEAD' || (form.types ?? []).includes(type), `${method} ${path} may not be ${type}`);
}

function assertDeclaredProblem(operation: Operation, method: string, got: Got): void {
  if (method === 'HEAD') return;
  assertFits(problemSchema, got.json);
  const codes: readonly string[] = problemsOf(operation);
  assert.ok(codes.includes(got.json.code), `${operation.path} does not declare ${got.json.code}`);
  assert.equal(got.status, statusOf[got.json.code as ProblemCode]);
}

function assertFits(schema: TSchema, value: unknown): void {
  const compiled = Compile(schema);
  assert.ok(compiled.Check(value), `${JSON.stringify(value)}: ${JSON.stringify([...compiled.Errors(value)])}`);
}
