/**
 * Ends servers with the process that started them, however that one ends.
 *
 * A shell waits beside each service for its standard input to end, which the kernel sees to when this process is gone, even
 * by SIGKILL; then it kills the servers and removes their folder. Not taken and dropped: `setpriv --pdeathsig KILL`, which is
 * forgotten where a program changes its user (PostgreSQL's does), is Linux only, and leaves the folder.
 */
import { spawn } from 'node:child_process';

// A line names all there is to kill now: groups as negative numbers, and single processes besides, since PostgreSQL's have
// a group each and do not see their parent die while they are stopped. "done" says that the folder is gone as well.
const script = `
trap '' HUP INT QUIT TERM
held=
while read -r line; do
  [ "$line" = done ] && exit 0
  held=$line
done
[ -z "$held" ] || kill -s KILL -- $held 2>/dev/null
for wait in 0.05 0.1 0.2 0.5 1 2; do
  sleep $wait
  rm -rf -- "$1" && exit 0
done
`;

/** Holds a folder, and the processes of the servers that work in it. */
export interface Leash {
  /** Tells anew which are the processes of one server, the leader of their group first; none while it is down. */
  holds(server: object, pids: readonly number[]): void;
  /** Nothing is left to do. */
  release(): void;
}

/** Puts a folder, and what it is told of later, on a leash. */
export function leashed(folder: string): Leash {
  // In a session of its own: the Ctrl-C that ends this process must not end the leash as well.
  const shell = spawn('/bin/sh', ['-c', script, 'leash', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const { stdin } = shell;
  // A leash that somebody killed holds nothing; the servers are stopped all the same.
  stdin.on('error', () => undefined);
  // Neither keeps this process from ending; that is the end they wait for.
  shell.unref();
  (stdin as unknown as { unref(): void }).unref();
  const held = new Map<object, readonly number[]>();
  return {
    holds(server, pids) {
      // The exit of a server may be told when all is over.
      if (stdin.writableEnded) return;
      held.set(server, pids);
      const all = [...held.values()].flatMap(([leader, ...others]) =>
        leader === undefined ? [] : [-leader, leader, ...others],
      );
      stdin.write(`${all.join(' ')}\n`);
    },
    release: () => void stdin.end('done\n'),
  };
}
