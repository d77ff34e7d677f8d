import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { DibsError } from '../../core/errors.ts';

/** How the servers are known to be themselves, and who this is to them; for `true`, by the certificates that Node knows. */
export type KafkaTls = boolean | Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized'>;

/** Who this is to the servers. */
export interface KafkaSasl {
  readonly user: string;
  readonly password: string;
  /** `SCRAM-SHA-512` where absent. */
  readonly mechanism?: 'SCRAM-SHA-512' | 'SCRAM-SHA-256' | 'PLAIN';
}

/** What a Kafka log is opened with. */
export interface KafkaLogOptions {
  /** `host:port` of one or more servers; they name the others. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /**
   * How many of the topic's partitions are used, from the first on; it can never change. Where absent: all that the topic
   * has, and 8 where it is made.
   */
  readonly partitions?: number;
  readonly tls?: KafkaTls;
  readonly sasl?: KafkaSasl;
  /** The consumer group in which workers share the partitions; `dibs-<topic>` where absent. */
  readonly group?: string;
  /** How long a worker may be silent before its partitions go to others; the servers refuse less than they are set to, 6 s. */
  readonly sessionTimeoutMs?: number;
  /** How long to wait for one answer. A send that takes longer may still arrive, and is repeated. */
  readonly answerTimeoutMs?: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Something an operator should know of. */
  alarm(message: string, error: unknown): void;
}

/** The options with nothing left open but how many partitions there are. */
export interface Settings extends Omit<KafkaLogOptions, 'partitions'> {
  readonly partitions: number | null;
  readonly group: string;
  readonly sessionTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

/** How many partitions a topic is made with where nothing is said: each is issued by one worker at a time. */
export const partitionsWhenMade = 8;
const partitionsMax = 10_000;

/** Throws `invalid_configuration` naming everything that cannot be. */
export function settingsOf(options: KafkaLogOptions): Settings {
  const { topic, partitions = null, brokers, sessionTimeoutMs = 10_000, answerTimeoutMs = 5_000 } = options;
  const faults: string[] = [];
  if (brokers.length === 0) faults.push('there must be at least one server');
  for (const one of brokers) if (!/^[^\s@/,]+:[0-9]{1,5}$/.test(one)) faults.push(`${hidden(one)} is not host:port`);
  // Kafka's own rule.
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..')
    faults.push(`${JSON.stringify(topic)} is no name of a topic: 1 to 249 of a-z A-Z 0-9 . _ -`);
  if (partitions !== null && !(Number.isInteger(partitions) && partitions >= 1 && partitions <= partitionsMax))
    faults.push(`partitions must be a whole number from 1 to ${partitionsMax}`);
  const { group = `dibs-${topic}` } = options;
  if (!/^\S+$/.test(group)) faults.push('the name of the group must not be empty or have spaces');
  if (options.sasl?.user === '') faults.push('the user must not be empty');
  if (!(sessionTimeoutMs >= 1_000)) faults.push('sessionTimeoutMs must be at least 1000');
  if (!(answerTimeoutMs >= 100)) faults.push('answerTimeoutMs must be at least 100');
  if (faults.length > 0) throw new DibsError('invalid_configuration', `The Kafka log: ${faults.join('; ')}.`);
  return { ...options, partitions, group, sessionTimeoutMs, answerTimeoutMs };
}

/** What stands before an @ may be a password. */
const hidden = (address: string): string => address.replace(/^.*@/, '…@');
