/** What is judged of a topic: how it is spread over the servers, and its settings by Kafka's names. */
export interface TopicState {
  readonly name: string;
  /** How many servers the cluster has now. */
  readonly servers: number;
  /** How many replicas each partition has. */
  readonly replicas: readonly number[];
  readonly settings: ReadonlyMap<string, string | null>;
}

const dayMs = 86_400_000;
// What is won waits in the log for as long as the ledger is away. A week is what Kafka itself begins with.
const retentionMsMin = 7 * dayMs;
// A month: a ledger that is away over the holidays, and a look back at what happened. A million wins take 150 MB.
const retentionMsMade = 30 * dayMs;
// A send is cut at 900 kB, see sender.ts.
const messageBytesMin = 1_000_000;

/** How many copies a topic is made with. */
export const replicasFor = (servers: number): number => Math.max(1, Math.min(3, servers));

/** The settings that a topic is made with. */
export const settingsFor = (replicas: number): ReadonlyMap<string, string> =>
  new Map([
    ['cleanup.policy', 'delete'],
    ['retention.ms', String(retentionMsMade)],
    ['retention.bytes', '-1'],
    ['min.insync.replicas', String(Math.max(1, replicas - 1))],
    ['max.message.bytes', '1048588'],
    // Retention counts from a record's time: by the clock of a sender that is a month slow, records would go at once.
    ['message.timestamp.type', 'LogAppendTime'],
    ['unclean.leader.election.enable', 'false'],
  ]);

/** Everything about a topic by which wins could be lost in it, each with what to do; empty where there is nothing. */
export function faultsOf(topic: TopicState): string[] {
  const faults: string[] = [];
  const text = (name: string): string => topic.settings.get(name) ?? '';
  const demand = (name: string, holds: boolean, why: string, to: string): void => {
    if (!holds) faults.push(`${name} is ${text(name) || 'not told'}: ${why}; set it to ${to}`);
  };

  const fewest = Math.min(...topic.replicas);
  const wanted = Math.min(2, topic.servers);
  if (fewest < wanted)
    faults.push(`a partition has ${fewest} replica on a cluster of ${topic.servers}: give each at least ${wanted}`);

  // Kafka takes any number: with more than there are replicas it has been seen to acknowledge all the same.
  const insync = Number(text('min.insync.replicas'));
  const insyncMin = fewest >= 3 ? 2 : 1;
  const why = `with ${fewest} replicas ${insync > fewest ? 'there can never be so many' : 'a send would be answered before a second one has it'}`;
  demand('min.insync.replicas', insync >= insyncMin && insync <= fewest, why, String(Math.max(1, fewest - 1)));

  demand('cleanup.policy', text('cleanup.policy') === 'delete', "an event's records but the last would go", 'delete');
  demand(
    'retention.ms',
    isUnbounded(text('retention.ms')) || Number(text('retention.ms')) >= retentionMsMin,
    'wins would go before a ledger that is away for long has them',
    `${retentionMsMin} (7 days) or more, or -1`,
  );
  demand('retention.bytes', isUnbounded(text('retention.bytes')), 'a burst would push out what is not issued', '-1');
  demand(
    'max.message.bytes',
    Number(text('max.message.bytes')) >= messageBytesMin,
    'sends would be refused',
    `${messageBytesMin} or more`,
  );
  demand(
    'unclean.leader.election.enable',
    text('unclean.leader.election.enable') !== 'true',
    'a server that has missed records could become the one that is asked',
    'false',
  );
  return faults;
}

const isUnbounded = (value: string): boolean => value === '-1';
