/** `npm run services`: real services to try things out with, until Ctrl-C. */
import process from 'node:process';
import { serviceNames, startService } from './services.ts';

for (const name of serviceNames) console.log((await startService(name)).url);
process.stdin.resume();
