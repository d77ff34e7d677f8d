/**
 * Makes dist/ for `npm pack`. Nothing else needs it: in the checkout Node runs src/ as it is.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const dist = join(root, 'dist');

// From nothing each time: a file that was renamed in src/ must not live on in the package.
rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
  {
    stdio: 'inherit',
  },
);

// SQL, Lua and JSON are read at run time from beside the file that uses them; tsc leaves them behind.
const assets = globSync('**/*.{sql,lua,json}', { cwd: src });
for (const asset of assets) cpSync(join(src, asset), join(dist, asset));

// Every path that package.json promises, or the package is broken in a way only its users would see.
const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>;
  exports: Record<string, string | Record<string, string>>;
};
const promised = [...Object.values(bin), ...Object.values(exports).flatMap((to) => Object.values({ ...toRecord(to) }))];
const missing = promised.filter((path) => !existsSync(join(root, path)));
if (missing.length > 0) throw new Error(`dist/ lacks what package.json promises: ${missing.join(', ')}`);

for (const path of Object.values(bin)) {
  const file = join(root, path);
  if (!readFileSync(file, 'utf8').startsWith('#!/usr/bin/env node\n')) throw new Error(`${path} has no shebang`);
  // npm marks bins executable on install, but not everyone installs by npm.
  chmodSync(file, 0o755);
}

console.log(`built ${relative(root, dist)}/ with ${assets.length} asset files`);

function toRecord(target: string | Record<string, string>): Record<string, string> {
  return typeof target === 'string' ? { default: target } : target;
}
