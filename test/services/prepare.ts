/**
 * What `npm test` does about services before its tests: installs what is missing where that is expected of it, as root on
 * Debian or under CI=true, and says otherwise what to do.
 */
import process from 'node:process';
import { install, isDebian } from '../../services/install.ts';
import { missing, serviceNames } from '../../services/services.ts';

const isCi = process.env['CI'] === 'true';
const installs = isCi || (isDebian() && process.getuid?.() === 0);
const remedies = installs
  ? await install(serviceNames, (line) => console.log(line))
  : serviceNames.flatMap((name) => missing(name) ?? []);

for (const remedy of new Set(remedies)) console.log(isCi ? remedy : `${remedy}; until then its tests are skipped`);
// Its suites would fail one by one, each saying the same.
if (isCi && remedies.length > 0) process.exitCode = 1;
