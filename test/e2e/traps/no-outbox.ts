/**
 * A canary, loaded before a server: a slot and its record are two acts. The script gives the slot and no more; its record is sent
 * by the API once the script has answered, as designs do that send to a queue. The kill script of fleets must find it out.
 */
import { aroundCalls, changeScript } from './redis-calls.ts';

// What the script would have written goes with the answer instead.
changeScript(
  'admit.lua',
  ["redis.pcall('XADD', outbox, won .. '-0', unpack(entry))", "{ 'entry', outbox, won .. '-0', unpack(entry) }"],
  ["if type(added) == 'table' then return refused(added) end", 'reply[#reply + 1] = added'],
);

const isEntry = (value: unknown): value is string[] => Array.isArray(value) && value[0] === 'entry';

aroundCalls(async (args, send) => {
  const reply = await send(args);
  if (!Array.isArray(reply) || !isEntry(reply.at(-1))) return reply;
  const [, key = '', ...entry] = reply.pop() as string[];
  await send(['XADD', key, ...entry]);
  return reply as unknown;
});
