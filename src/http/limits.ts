/** What the server allows a client; each bounds what one client, or all of them, can take. */
export interface HttpLimits {
  /** The largest body, in bytes; what every call needs is below 1 KiB. */
  readonly bodyBytesMax: number;
  /** All headers and the request line together, in bytes. */
  readonly headerBytesMax: number;
  /** How long the headers of a request may take to arrive. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection stays open; above the 60 s of common load balancers, which else race its closing. */
  readonly keepAliveTimeoutMs: number;
  /** How often connections are looked at for these timeouts. */
  readonly timeoutCheckIntervalMs: number;
  /** Open connections; one more is closed at once. */
  readonly connectionsMax: number;
  /** Readers of `/v1/stream`; one more is answered `overloaded`. */
  readonly streamClientsMax: number;
  /** How often `/v1/stream` sends figures. */
  readonly streamIntervalMs: number;
  /** How long a stop waits for answers under way before it cuts them off; the engine then needs up to 4 s of the 10 of a container runtime. */
  readonly stopGraceMs: number;
}

/** What holds where nothing else is said. */
export const defaultLimits: HttpLimits = {
  bodyBytesMax: 16 * 1024,
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 72_000,
  timeoutCheckIntervalMs: 1000,
  connectionsMax: 10_000,
  streamClientsMax: 32,
  streamIntervalMs: 1000,
  stopGraceMs: 5000,
};
