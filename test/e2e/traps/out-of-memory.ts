/**
 * Loaded before a process under test: upon a message it keeps more and more, a little in each turn of the event loop so that its
 * work goes on meanwhile, until V8 finds no room and ends it.
 */
import process from 'node:process';

const kept: object[][] = [];

function keepMore(): void {
  kept.push(Array.from({ length: 20_000 }, (_, at) => ({ at })));
  setImmediate(keepMore);
}

process.on('message', keepMore);
process.channel?.unref();
