/** `/openapi.json`: valid, complete, and made of the same table that is served. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type Operation, parametersOf, problemsOf } from '../../src/http/operation.ts';
import { operations } from '../../src/http/operations.ts';
import { statusOf } from '../../src/http/problem.ts';
import { openRig, type Rig } from './rig.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}
interface Described {
  readonly operationId: string;
  readonly security: readonly Record<string, readonly string[]>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Record<string, unknown> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Record<string, { readonly schema: unknown }>; readonly headers?: object }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: object; readonly securitySchemes: object; readonly headers: object };
}

let rig: Rig;
let document: Document;
let text: string;
before(async () => {
  rig = await openRig();
  const got = await rig.call('GET', '/openapi.json');
  assert.equal(got.headers.get('content-type'), 'application/json');
  text = got.text;
  document = JSON.parse(text) as Document;
});
after(() => rig.close());

const table: readonly (readonly [name: string, operation: Operation])[] = Object.entries(operations);
const describedOf = ({ path, method }: Operation): Described => {
  const found = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
  assert.ok(found !== undefined, `${method} ${path} is not described`);
  return found;
};

describe('/openapi.json', () => {
  test('is refused by the validator when it is broken, so that its verdict means something', async () => {
    const broken = { ...document, paths: { '/livez': { get: { responses: { 200: {} } } } } };
    assert.equal((await new Validator().validate(broken)).valid, false);
  });

  test('is a valid document of OpenAPI 3.1', async () => {
    assert.equal(document.openapi, '3.1.0');
    const verdict = await new Validator().validate(JSON.parse(text) as Record<string, unknown>);
    assert.ok(verdict.valid, JSON.stringify(verdict.errors, null, 1));
  });

  test('refers to nothing that it does not hold', () => {
    for (const [, kind = '', name = ''] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g)) {
      const held = document.components[kind as keyof Document['components']];
      assert.ok(Object.hasOwn(held, name), `${kind}/${name}`);
    }
  });

  test('describes every operation of the table, and no other', () => {
    const described = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    assert.deepEqual(
      described.map(({ operationId }) => operationId).toSorted(),
      table.map(([name]) => name).toSorted(),
    );
  });

  for (const [name, operation] of table) {
    test(`${name}: its parameters, body, credential, answers and problems`, () => {
      const described = describedOf(operation);
      assert.equal(described.operationId, name);

      const parameters = described.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      for (const parameter of parametersOf(operation.path)) assert.ok(parameters.includes(`path ${parameter}`));
      assert.equal(parameters.includes('header If-Match'), operation.ifMatch === true);
      assert.equal(parameters.includes('header Idempotency-Key'), operation.idempotencyKey === true);
      assert.equal(parameters.includes('query limit'), JSON.stringify(operation.query ?? {}).includes('"limit"'));
      assert.equal(
        described.requestBody?.required,
        operation.body === undefined ? undefined : operation.bodyOptional !== true,
      );

      const schemes = described.security.flatMap((each) => Object.keys(each));
      for (const scheme of schemes) assert.ok(Object.hasOwn(document.components.securitySchemes, scheme));
      assert.equal(schemes.length === 0, operation.credential === 'anyone');

      const statuses = new Set([
        ...Object.keys(operation.answers),
        ...problemsOf(operation).map((code) => String(statusOf[code])),
      ]);
      assert.deepEqual(Object.keys(described.responses).toSorted(), [...statuses].toSorted());
      for (const code of problemsOf(operation)) {
        const content = described.responses[statusOf[code]]?.content?.['application/problem+json'];
        assert.ok(JSON.stringify(content?.schema).includes(`"${code}"`), code);
      }
    });
  }

  test('names every problem that there is; that of a wrong method, which has no operation, in its introduction', () => {
    const declared = new Set<string>(table.flatMap(([, operation]) => problemsOf(operation)));
    assert.match(document.info.description, /`method_not_allowed`/);
    declared.add('method_not_allowed');
    assert.deepEqual([...declared].toSorted(), Object.keys(statusOf).toSorted());
  });
});
