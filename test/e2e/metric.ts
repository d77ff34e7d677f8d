/** What a process tells of itself at /metrics. */
import assert from 'node:assert/strict';

/** The value of a metric of one process, `labels` as they are told; of several series, the sum. Fails where it tells none. */
export async function metricOf({ url }: { readonly url: string }, name: string, labels = '[^}]*'): Promise<number> {
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.status, 200);
  const told = await response.text();
  const values = [...told.matchAll(new RegExp(`^${name}(?:\\{${labels}\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  assert.ok(values.length > 0, `${url} tells no ${name}`);
  return values.reduce((sum, value) => sum + value, 0);
}
