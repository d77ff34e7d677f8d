/** The log that a broker would keep, with its shared partitions and its repeats, passes the suite of logs. */
import { logConformance } from '../../src/testing/log/conformance.ts';
import { modelLogSetup } from './model-setup.ts';

logConformance('model', { setup: () => modelLogSetup() });
