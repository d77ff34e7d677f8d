/** For traps: what a script of the gate has answered. */

/** Of `admit.lua`: status, epoch, time, time of opening, limit, and then a number from 129 up for each new win. */
const firstAnswer = 5;
const leastWin = 129;

/** Whether an answer of `admit.lua` gives somebody a place. */
export function hasWin(reply: unknown): boolean {
  if (!Array.isArray(reply) || typeof reply[firstAnswer - 1] !== 'number') return false;
  return reply.slice(firstAnswer).some((answer) => typeof answer === 'number' && answer >= leastWin);
}
