/** The suite of all ledgers, on a database server. */
import type { Ledger } from '../../../src/core/ledger.ts';
import { ledgerConformance } from '../../../src/testing/ledger/conformance.ts';
import { freshDatabase } from '../../services/shared.ts';
import type { Planting } from './plant.ts';

/** A database, and how a ledger in it is opened. */
export interface Subject {
  readonly kind: 'mysql' | 'postgres';
  readonly service: 'mariadb' | 'postgres';
  open(options: {
    readonly url: string;
    readonly connectionsMax?: number;
    readonly timeoutMs?: number;
  }): Promise<Ledger>;
  /** A module that opens one in a process of its own. */
  readonly module: URL;
  readonly planting: Planting;
}

/** Registers the suite; each test has a database of its own. */
export function registerConformance({ kind, service, open, module, planting }: Subject): void {
  ledgerConformance(kind, {
    async setup() {
      const { url, drop } = await freshDatabase(service);
      const ledger = await open({ url });
      const opened = [ledger];
      return {
        ledger,
        plant: (eventId, slot) => planting.plant(url, `NEW.event_id = '${eventId}' AND NEW.slot = ${slot}`),
        unplant: () => planting.unplant(url),
        async connect() {
          const other = await open({ url });
          opened.push(other);
          return other;
        },
        async teardown() {
          await Promise.all(opened.map((one) => one.close()));
          await drop();
        },
      };
    },
    processes: {
      module,
      async make() {
        const { url, drop } = await freshDatabase(service);
        return { at: url, remove: drop };
      },
    },
    lacks: { clock: 'the time is that of the server' },
  });
}
