#!/usr/bin/env node
// Runs on any Node that has modules, to say that it is too old: no syntax here that is younger than that, and nothing
// imported before the version is known.
import process from 'node:process';

const needed = [24, 15];
const running = process.versions.node.split('.').map(Number);
const isOld =
  (running[0] as number) < (needed[0] as number) ||
  (running[0] === needed[0] && (running[1] as number) < (needed[1] as number));

if (isOld) {
  process.stderr.write(`dibs needs Node ${needed.join('.')} or later, and this is ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  import('./main.ts')
    .then(({ main }) => main(process.argv.slice(2)))
    .catch((error: unknown) => {
      process.stderr.write(`dibs: ${String(error)}\n`);
      process.exitCode = 1;
    });
}
