/** For traps: the answers of a server, before and behind their sending. */
import { ServerResponse } from 'node:http';
import { reached } from './reached.ts';

const { end } = ServerResponse.prototype;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  const line = `${this.req.method ?? ''} ${this.req.url ?? ''} ${this.statusCode}`;
  reached('answer', 'commit', line);
  const response = Reflect.apply(end, this, args) as ServerResponse;
  reached('answer', 'committed', line);
  return response;
};
