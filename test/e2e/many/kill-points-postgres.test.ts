/** Named points of a fleet over PostgreSQL. */
import { registerApiPoints, registerWorkerPoints } from './kill-points.ts';

registerApiPoints('postgres');
registerWorkerPoints('postgres');
