/** Loaded before a server under test: it ends with the process that started it, however that one ended. */
import process from 'node:process';

process.once('disconnect', () => process.exit(1));
process.channel?.unref();
