/** The gate in Redis passes the suite of all gates, on one Redis and on a cluster, and does what the model does. */
import { gateConformance } from '../../../src/testing/gate/conformance.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { driverAt } from './bench.ts';

for (const name of ['redis', 'redis-cluster'] as const) {
  describeService(name, name, () => {
    gateConformance(
      name,
      driverAt(() => sharedService(name)),
    );
  });
}
