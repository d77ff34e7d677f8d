/**
 * Loaded before a server under test: ends it by SIGKILL, once it was told to by a message, behind the next script that gives
 * somebody a place. Redis has done its part and answered; nothing that the server does upon the answer has happened.
 */
import process from 'node:process';
import { hasWin } from './admitted.ts';
import { aroundCalls } from './redis-calls.ts';

let isArmed = false;

process.on('message', () => {
  isArmed = true;
});
process.channel?.unref();

aroundCalls(async (args, send) => {
  const reply = await send(args);
  if (isArmed && args[0]?.startsWith('EVAL') === true && hasWin(reply)) process.kill(process.pid, 'SIGKILL');
  return reply;
});
