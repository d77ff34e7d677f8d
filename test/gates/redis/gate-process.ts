/** A gate in a process of its own: what races run. Its place is `<url> <prefix>`. */
import { serveRemote } from '../../../src/testing/remote.ts';
import { openGateAt } from './bench.ts';

await serveRemote((at) => {
  const [url = '', prefix = ''] = at.split(' ');
  return openGateAt({ url, prefix });
});
