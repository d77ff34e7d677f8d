/** Clients that come through a load balancer. */
import { type ClaimClient, createClaimClient } from '../../src/load/claim-client.ts';

/** A server as its clients know it. */
export interface Address {
  readonly url: string;
  readonly serviceKey: string;
}

/** A crowd whose claims go to the servers by turns, as through a load balancer. */
export function crowdClient(
  servers: readonly Address[],
  options: { readonly inFlight: number; readonly giveUpAfterMs?: number },
): ClaimClient {
  const { inFlight, giveUpAfterMs = 60_000 } = options;
  const clients = servers.map(({ url, serviceKey }) =>
    createClaimClient({ url, serviceKey, giveUpAfterMs, connections: inFlight }),
  );
  let next = 0;
  return {
    claim(eventId, userId, key) {
      next = (next + 1) % clients.length;
      const client = clients[next] as ClaimClient;
      return client.claim(eventId, userId, key);
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
