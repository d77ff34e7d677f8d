import { openLabEngine } from './engine.ts';
import { serveProcess } from '../../lab/process.ts';

/** What each process of a run is started with: this very file. */
export const serverModule = import.meta.filename;

if (import.meta.main) serveProcess(openLabEngine);
