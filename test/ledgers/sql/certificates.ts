/** Certificates of authorities of our own, for servers that encrypt. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from '../../../services/command.ts';
import { found } from '../../../services/find.ts';

/** The files of an authority, and of a server `localhost` that it vouches for. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-certificates-'));
  // Servers run as other users.
  await chmod(folder, 0o755);
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Promise<string> => output(found('openssl'), args);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const [ca, cert, ownKey] = [path('ca.pem'), path('server.pem'), path('server.key')];
  const [caKey, request, names] = [path('ca.key'), path('server.csr'), path('names')];
  await openssl('req', '-x509', ...key, '-keyout', caKey, '-out', ca, '-subj', '/CN=Dibs tests', '-days', '2');
  await openssl('req', ...key, '-keyout', ownKey, '-out', request, '-subj', '/CN=localhost');
  await writeFile(names, 'subjectAltName = DNS:localhost\n');
  const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', names];
  await openssl('x509', '-req', '-in', request, '-out', cert, ...signing);
  return { ca, cert, key: ownKey, remove: () => rm(folder, { recursive: true }) };
}
