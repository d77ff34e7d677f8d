/** A canary, loaded before a server: it takes Redis for one that syncs each write. The kill script of fleets must find it out. */
import { aroundCalls } from './redis-calls.ts';

aroundCalls(async (args, send) => {
  const reply = await send(args);
  if (args[0] !== 'CONFIG' || !Array.isArray(reply)) return reply;
  const told = reply as unknown[];
  return told.map((value, at) => (told[at - 1] === 'appendfsync' ? 'always' : value));
});
