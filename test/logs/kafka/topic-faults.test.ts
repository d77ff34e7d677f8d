/** What is wrong with a topic is told with the reason and the remedy; a topic as it is made has no fault. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultsOf, replicasFor, settingsFor, type TopicState } from '../../../src/logs/kafka/topic-faults.ts';

const made = (servers: number): TopicState => {
  const copies = replicasFor(servers);
  return { name: 'dibs', servers, replicas: [copies, copies], settings: settingsFor(copies) };
};
const withSetting = (name: string, value: string | null, servers = 3): string[] => {
  const topic = made(servers);
  return faultsOf({ ...topic, settings: new Map([...topic.settings, [name, value]]) });
};

describe('a topic', () => {
  it('as it is made is in order, on however many servers', () => {
    for (const servers of [1, 2, 3, 4, 12]) assert.deepEqual(faultsOf(made(servers)), [], `${servers} servers`);
    assert.deepEqual([1, 2, 3, 9].map(replicasFor), [1, 2, 3, 3]);
    assert.deepEqual(
      [1, 2, 3].map((copies) => settingsFor(copies).get('min.insync.replicas')),
      ['1', '1', '2'],
    );
  });
  it('with the settings that Kafka begins with is in order where there is one server', () => {
    const settings = new Map([
      ['cleanup.policy', 'delete'],
      ['retention.ms', '604800000'],
      ['retention.bytes', '-1'],
      ['min.insync.replicas', '1'],
      ['max.message.bytes', '1048588'],
      ['unclean.leader.election.enable', 'false'],
    ]);
    assert.deepEqual(faultsOf({ name: 'dibs', servers: 1, replicas: [1], settings }), []);
  });

  for (const [name, value, why] of [
    ['cleanup.policy', 'compact', /an event's records but the last would go; set it to delete/],
    ['cleanup.policy', 'compact,delete', /cleanup.policy is compact,delete/],
    ['retention.ms', '86400000', /before a ledger that is away for long has them; set it to 604800000/],
    ['retention.ms', null, /retention.ms is not told/],
    ['retention.bytes', '1000000', /a burst would push out what is not issued; set it to -1/],
    ['max.message.bytes', '1000', /sends would be refused/],
    ['unclean.leader.election.enable', 'true', /set it to false/],
    ['min.insync.replicas', '1', /would be answered before a second one has it; set it to 2/],
    ['min.insync.replicas', '4', /with 3 replicas there can never be so many; set it to 2/],
  ] as const) {
    it(`with ${name} ${value ?? 'unknown'} has one fault`, () => {
      const faults = withSetting(name, value);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', why);
    });
  }
  it('of one replica that demands two is refused, though Kafka acknowledges all the same', () => {
    assert.match(
      withSetting('min.insync.replicas', '2', 1).join(),
      /with 1 replicas? there can never be so many; set it to 1/,
    );
  });
  it('with a partition of one replica among several servers is refused', () => {
    const faults = faultsOf({ ...made(3), replicas: [3, 1] });
    assert.match(faults.join(), /a partition has 1 replica on a cluster of 3: give each at least 2/);
  });
});
