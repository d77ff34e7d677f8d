/** How workers find what there is to do: by an index that may be lost while the events are not. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Gate } from '../../../src/core/gate.ts';
import { KeyNames } from '../../../src/gates/redis/keys.ts';
import { claim, openEvent } from '../../../src/testing/gate/acting.ts';
import { describeService } from '../../services/shared.ts';
import { connectTo, openGateAt, ownRedis } from './bench.ts';
import { eventually } from './waiting.ts';

const index = new KeyNames('dibs').index;
const listed = async (gate: Gate) => (await gate.list(null, 10)).map((event) => event.spec.id);

describeService('redis', 'the index of events', () => {
  it('that is lost has again within seconds what any process knows of', async (t) => {
    const { gate, service } = await ownRedis(t);
    const past = await connectTo(service.url);
    t.after(() => past.close());
    const quick = await openGateAt({ url: service.url, checkIntervalMs: 50 });
    t.after(() => quick.close());
    for (const id of ['made', 'claimed', 'seen', 'unknown']) await openEvent(gate, { id });
    await openEvent(quick, { id: 'own' });
    await claim(quick, 'alice', null, 'claimed');
    await quick.events(['seen', 'nowhere']);
    await past.send(index, 'DEL', index);
    await eventually(async () => (await listed(quick)).length === 3);
    assert.deepEqual(await listed(quick), ['claimed', 'own', 'seen']);
    assert.deepEqual(
      (await quick.extents(null, 10)).map(({ eventId }) => eventId),
      ['claimed', 'own', 'seen'],
    );
  });
});
