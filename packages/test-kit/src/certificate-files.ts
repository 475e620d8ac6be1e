/** Certificates for tests where a program or a server reads them from files. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { certificates } from './certificates.js';

/** Files of a server with a certificate, and of who vouches for it or does not. */
interface CertificateFiles {
  /** What a server needs, as `TlsFiles`. */
  readonly tls: { readonly certFile: string; readonly keyFile: string };
  /** Path of the authority that has signed the certificate. */
  readonly authority: string;
  /** Path of another authority. */
  readonly strangers: string;
}

/** Writes them into a folder. */
export async function certificateFiles(folder: string): Promise<CertificateFiles> {
  const { authority, strangers, server } = certificates;
  const contents = {
    'authority.pem': authority,
    'strangers.pem': strangers,
    'server.crt': server.cert,
    'server.key': server.key,
  };
  await Promise.all(Object.entries(contents).map(([name, text]) => writeFile(join(folder, name), text)));
  return {
    tls: { certFile: join(folder, 'server.crt'), keyFile: join(folder, 'server.key') },
    authority: join(folder, 'authority.pem'),
    strangers: join(folder, 'strangers.pem'),
  };
}
