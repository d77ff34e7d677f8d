import { Readable } from 'node:stream';
import { type FieldFault, refuseFaults } from '../../core/errors.ts';
import type { CouponView } from '../../engine/views.ts';
import { preferredType } from '../accept.ts';
import { eventIdOf, failedIssuanceIdOf } from '../call-input.ts';
import type { Handlers, HttpContext } from '../context.ts';
import { type Cell, csvOfPages } from '../csv.ts';

const noStore = ['Cache-Control', 'no-store'];
const columns = [
  'slot',
  'userId',
  'nth',
  'claimId',
  'code',
  'wonAt',
  'issuedAt',
] as const satisfies (keyof CouponView)[];
const cellsOf = (coupon: CouponView): Cell[] => columns.map((column) => coupon[column]);
const csvPageSize = 1000;

/** What has been issued, and what could not be. */
export function couponHandlers({
  dibs,
}: HttpContext): Handlers<'listCoupons' | 'listFailedIssuances' | 'reissue' | 'discard'> {
  return {
    listCoupons: async ({ params, query, accept }) => {
      const eventId = eventIdOf(params);
      if (preferredType(accept, ['application/json', 'text/csv']) === 'application/json') {
        const page = await dibs.listCoupons(eventId, query);
        return { status: 200, json: page, headers: [...noStore, 'Vary', 'Accept'] };
      }
      refusePaging(query);
      const read = (cursor?: string) =>
        dibs.listCoupons(eventId, { limit: csvPageSize, ...(cursor === undefined ? {} : { cursor }) });
      const lines = Readable.from(csvOfPages(columns, await read(), read, cellsOf), { objectMode: true });
      return { status: 200, type: 'text/csv; charset=utf-8; header=present', lines, headers: csvHeaders(eventId) };
    },
    listFailedIssuances: async ({ query }) => ({
      status: 200,
      json: await dibs.listFailedIssuances(query),
      headers: noStore,
    }),
    reissue: async ({ params }) => ({
      status: 200,
      json: await dibs.reissue(failedIssuanceIdOf(params)),
      headers: noStore,
    }),
    discard: async ({ params, body }) => ({
      status: 200,
      json: await dibs.discard(failedIssuanceIdOf(params), body.reason),
      headers: noStore,
    }),
  };
}

/** A piece of a file would look like the whole file. */
function refusePaging(query: object): void {
  const faults = Object.keys(query).map(
    (name): FieldFault => ({
      path: `/${name}`,
      message: 'does not go with text/csv, which holds everything',
    }),
  );
  refuseFaults(faults);
}

const csvHeaders = (eventId: string): string[] => [
  ...noStore,
  'Vary',
  'Accept',
  'X-Content-Type-Options',
  'nosniff',
  // An event id needs no quoting: it has neither quotes nor anything else that a header or a file name minds.
  'Content-Disposition',
  `attachment; filename="coupons-${eventId}.csv"`,
];
