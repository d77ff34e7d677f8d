import { type TSchema, Type } from 'typebox';
import { userIdPattern } from '../core/claim.ts';
import { troubles } from '../core/errors.ts';
import { jsonType, problemType } from './answer.ts';
import { type AnswerForm, credentials, type Operation, parametersOf, problemsOf } from './operation.ts';
import { operations } from './operations.ts';
import { type ProblemCode, statusOf } from './problem.ts';
import * as schemas from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** Schemas that are referred to by name, so that generated clients have types of those names. */
const named: readonly (readonly [string, TSchema])[] = [
  ['Event', schemas.eventSchema],
  ['NewEvent', schemas.newEventSchema],
  ['EventChange', schemas.eventChangeSchema],
  ['NewClaim', schemas.newClaimSchema],
  ['Claim', schemas.claimSchema],
  ['Won', schemas.wonSchema],
  ['Coupon', schemas.couponSchema],
  ['FailedIssuance', schemas.failedIssuanceSchema],
  ['Audit', schemas.auditSchema],
  ['RecoveryPlan', schemas.recoveryPlanSchema],
  ['Readiness', schemas.readinessSchema],
  ['Problem', schemas.problemSchema],
];
const nameOf = new Map(named.map(([name, schema]) => [schema, name]));

/** The text of `/openapi.json`: OpenAPI 3.1, made of the table of operations alone. */
export function openApiDocument(): string {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationObject(name, operation) };
  }
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'Dibs',
      version: '1',
      summary: 'First come, first served: exactly N places to the first N claims, at most k to a user.',
      description:
        'Every answer of 400 and above is a problem document; its `type` is a path that explains it. An address that there is not is answered `not_found`, a method that it does not answer `method_not_allowed` with `Allow`. GET answers HEAD too.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.values(operations).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(named.map(([name, schema]) => [name, inline(schema)])),
      securitySchemes,
      headers,
    },
  });
}

const securitySchemes = {
  admin: { type: 'http', scheme: 'bearer', description: 'DIBS_ADMIN_KEY, of the organiser.' },
  service: { type: 'http', scheme: 'bearer', description: "DIBS_SERVICE_KEY, of the organiser's backend." },
  participant: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'HS256, signed with DIBS_TOKEN_SECRET: `sub` is the user, `event` the event, `exp` the end.',
  },
};

const headers = {
  ETag: { description: 'The revision of the event in quotes, for If-Match.', schema: { type: 'string' } },
  Location: { description: 'The path of what was made.', schema: { type: 'string' } },
  'Retry-After': {
    description: 'Seconds; absent where the admin is told of what no wait ends.',
    schema: { type: 'integer' },
  },
  Allow: { description: 'The methods that the address answers.', schema: { type: 'string' } },
  'WWW-Authenticate': { description: 'How to prove who one is.', schema: { type: 'string' } },
} as const;

function operationObject(name: string, operation: Operation): Json {
  const { tag, summary, description, body, bodyOptional } = operation;
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: securityOf(operation),
    parameters: [...pathParameters(operation), ...queryParameters(operation), ...headerParameters(operation)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: bodyOptional !== true, content: { [jsonType]: { schema: refer(body) } } } }),
    responses: { ...answerObjects(operation), ...problemObjects(operation) },
  };
}

function securityOf({ credential }: Operation): Json[] {
  const schemes = credentials[credential].map((kind) => ({ [kind]: [] }));
  return credential === 'loopback_or_admin' ? [{}, ...schemes] : schemes;
}

const pathSchemas: Readonly<Record<string, TSchema>> = {
  eventId: schemas.eventSchema.properties.id,
  claimId: Type.String({ pattern: '^[1-9][0-9]{0,7}-[0-9a-f]{12}$' }),
  id: Type.Integer({ minimum: 1 }),
  code: Type.Unsafe<string>({ type: 'string', enum: Object.keys(troubles) }),
};

const pathParameters = ({ path }: Operation): Json[] =>
  parametersOf(path).map((name) => ({ name, in: 'path', required: true, schema: inline(pathSchemas[name]) }));

function queryParameters({ query }: Operation): Json[] {
  const { properties = {} } = (query ?? {}) as { properties?: Record<string, TSchema> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema: inline(schema) }));
}

function headerParameters({ ifMatch, idempotencyKey }: Operation): Json[] {
  const found: Json[] = [];
  if (ifMatch === true) {
    const description = 'The revision that the change is meant for, in quotes; 412 where the event is at another.';
    found.push({ name: 'If-Match', in: 'header', description, schema: { type: 'string', examples: ['"3"'] } });
  }
  if (idempotencyKey === true) {
    const description =
      'Names this intended claim, for this event and user. Needed where limitPerUser is above 1. The same key again is the same claim.';
    found.push({
      name: 'Idempotency-Key',
      in: 'header',
      description,
      schema: { type: 'string', pattern: userIdPattern },
    });
  }
  return found;
}

function answerObjects({ answers }: Operation): Record<string, Json> {
  return Object.fromEntries(Object.entries(answers).map(([status, form]) => [status, answerObject(form)]));
}

function answerObject({ description, json, types = [], headers = [] }: AnswerForm): Json {
  const content: Record<string, Json> = {};
  if (json !== undefined) content[jsonType] = { schema: refer(json) };
  for (const type of types) content[type] = { schema: { type: 'string' } };
  return { description, ...(headers.length === 0 ? {} : { headers: headerRefs(headers) }), content };
}

const headerRefs = (names: readonly (keyof typeof headers)[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const headersOf: Readonly<Record<number, readonly (keyof typeof headers)[]>> = {
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  503: ['Retry-After'],
};

/** One answer for each status, naming every code that it may carry. */
function problemObjects(operation: Operation): Record<string, Json> {
  const byStatus = Map.groupBy(problemsOf(operation), (code: ProblemCode) => statusOf[code]);
  const entries = [...byStatus].map(([status, codes]) => {
    const description = codes.map((code) => `\`${code}\`: ${troubles[code].title}.`).join(' ');
    const schema = {
      allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', properties: { code: { enum: codes } } }],
    };
    const more = headersOf[status] ?? [];
    const extra = more.length === 0 ? {} : { headers: headerRefs(more) };
    return [status, { description, ...extra, content: { [problemType]: { schema } } }] as const;
  });
  return Object.fromEntries(entries);
}

/** A reference where the schema has a name, else the schema with references inside. */
function refer(schema: unknown): unknown {
  const name = nameOf.get(schema as TSchema);
  return name === undefined ? inline(schema) : { $ref: `#/components/schemas/${name}` };
}

function inline(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(refer);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)]));
}
