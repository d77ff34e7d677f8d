/** Thrown where something took longer than it was given. */
export class Late extends Error {
  override readonly name = 'Late';

  constructor(ms: number) {
    super(`no answer within ${Math.max(0, Math.round(ms))} ms`);
  }
}

/** What `act` gives, or `Late` after `ms` milliseconds; `giveUp` then ends what it waits for. */
export async function within<T>(ms: number, act: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Late(ms));
        giveUp();
      },
      Math.max(0, ms),
    );
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}
