/**
 * Rewrites the package.json of an image that is being built: the clients, which a package leaves to whoever needs them, are
 * dependencies there, in the versions of the lockfile, and what only a checkout needs is gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const { packages } = read('package-lock.json') as Lock;
const { dependencies, peerDependencies, ...rest } = read('package.json') as Package & Record<string, unknown>;
const clients = Object.fromEntries(
  Object.keys(peerDependencies).map((name) => {
    const version = packages[`node_modules/${name}`]?.version;
    if (version === undefined) throw new Error(`${name} is not in the lockfile`);
    return [name, version];
  }),
);
delete rest['devDependencies'];
delete rest['peerDependenciesMeta'];
writeFileSync(
  'package.json',
  `${JSON.stringify({ ...rest, dependencies: { ...dependencies, ...clients } }, null, 2)}\n`,
);
