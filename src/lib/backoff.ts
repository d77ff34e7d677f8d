/** How long to wait before attempt `attempt` (1 and on): doubles up to a bound, with jitter over its upper half. */
export function backoffMs(
  attempt: number,
  bounds: { readonly baseMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const whole = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(attempt - 1, 30));
  // Half of it is fixed, so that a wait is never none; half is by chance, so that those who failed together part.
  return Math.ceil(whole / 2 + (whole / 2) * random());
}
