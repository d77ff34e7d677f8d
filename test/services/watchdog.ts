/**
 * Loaded before each test file (`node --import`): ends one that is kept by something its tests left behind, and says by what. The
 * runner's own timeout is for tests alone; a file that never ends would hold up the whole run.
 */
import process from 'node:process';

// The slowest file takes some 4 minutes on two busy cores.
const minutesMax = Number(process.env['TEST_FILE_MINUTES_MAX'] ?? 15);

// The runner loads this too, and has to outlive all of its files.
if (process.env['NODE_TEST_CONTEXT'] === 'child-v8') {
  const end = (): void => {
    const kept = process.getActiveResourcesInfo().join(', ');
    console.error(`${process.argv[1] ?? ''} has not ended after ${minutesMax} minutes; it is kept by: ${kept}`);
    process.exit(1);
  };
  setTimeout(end, minutesMax * 60_000).unref();
}
