import type { Screen } from '../screen.ts';

/** Warns where keys and tokens would go over the network for everyone to read. */
export function warnOfPlainHttp(host: string, screen: Screen): void {
  if (/^(localhost|127(\.\d+){3}|::1)$/.test(host)) return;
  screen.aside(
    `\nWarning: ${host} can be reached from other machines, and this is plain HTTP: keys and tokens can be read on the way. Put TLS in front of it, or listen on 127.0.0.1.`,
  );
}
