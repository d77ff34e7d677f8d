/** For traps: which point the process is to end at, armed from its start on or by a message. */
import process from 'node:process';
import { type Trap, trapVariable } from './point.ts';

let armed: Trap | null = null;
let left = 0;

function arm(trap: Trap): void {
  armed = trap;
  left = trap.skip ?? 0;
}

const atStart = process.env[trapVariable];
if (atStart !== undefined) arm(JSON.parse(atStart) as Trap);
process.on('message', (message) => {
  arm(message as Trap);
  process.send?.('armed');
});
process.channel?.unref();

/** Whether this is the point; then the process does not come back from here. */
export function reached(place: string, at: Trap['at'], text: string): void {
  if (armed === null || armed.place !== place || armed.at !== at) return;
  if (!new RegExp(armed.holds).test(text)) return;
  if (left > 0) left -= 1;
  else process.kill(process.pid, 'SIGKILL');
}
