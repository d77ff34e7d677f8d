import { once } from 'node:events';
import { createServer } from 'node:net';
import { CliTrouble } from '../trouble.ts';

/**
 * Throws where the address cannot be listened on. Asked before anything is made: a first start that ends at a taken port
 * would leave a data folder that is no longer new, whose keys nobody was shown.
 */
export async function checkAddress(host: string, port: number): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, 'listening');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is taken by another process' : `cannot be listened on (${code})`;
    throw new CliTrouble('address_unusable', `${host}:${port} ${why}.`, {
      remedy: 'Choose another with --port or --host.',
    });
  }
  probe.close();
  await once(probe, 'close');
}
