/** Not a test of its own: runs the suite of logs on each canary and on the wrapper that breaks nothing. */
import { logCanaries } from '../../src/testing/canaries/logs.ts';
import { wrapLog } from '../../src/testing/canaries/wrap.ts';
import { logConformance } from '../../src/testing/log/conformance.ts';
import { modelLogSetup } from './model-setup.ts';

for (const { name, wrap } of [{ name: 'unbroken', wrap: wrapLog }, ...logCanaries]) {
  logConformance(name, { setup: () => modelLogSetup((log) => wrap(log)) });
}
