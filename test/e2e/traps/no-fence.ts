/** A canary, loaded before a server: its gate believes whichever process of Redis answers. The kill script of fleets must find it out. */
import { changeScript } from './redis-calls.ts';

changeScript('event.lua', [' or run_of_server() ~= own.run', '']);
