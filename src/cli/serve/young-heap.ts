import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

// Enough for what is under way in a burst, so that hardly anything grows old by accident.
const youngBytesEnough = 16_000_000;
const lookIntervalMs = 100;

/**
 * Keeps V8 from growing the part of the heap where new objects live without need: on a machine with much memory it doubles
 * under load up to some 100 MB, though nothing of a claim outlives its answer. A million claims let the process grow by
 * 32 MB without this. It may grow to a size that is enough and no further; from the start would cost more collections.
 */
export function boundYoungHeap(): void {
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young !== undefined && young.space_size < youngBytesEnough) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, lookIntervalMs);
  timer.unref();
}
