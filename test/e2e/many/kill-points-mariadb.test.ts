/** Named points of a fleet over MariaDB. */
import { registerWorkerPoints } from './kill-points.ts';

registerWorkerPoints('mariadb');
