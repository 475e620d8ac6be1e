// Makes the certificates that tests use, with the openssl program, and writes them to packages/test-kit. They are valid
// for a hundred years and kept in the repository, so that tests need no openssl. Their keys are public: of no use elsewhere.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'test-certificates-'));
// From long ago, so that no clock that is behind makes them invalid. Only `openssl ca` lets one say so in all versions.
const valid = ['-startdate', '20200101000000Z', '-enddate', '21200101000000Z'];
const settings = `[ca]
default_ca = all
[all]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
`;
writeFileSync(join(folder, 'settings'), settings);
writeFileSync(join(folder, 'index'), '');
writeFileSync(join(folder, 'serial'), '01\n');

/** @param {...string} args */
function openssl(...args) {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** @param {string} name */
function pem(name) {
  return readFileSync(join(folder, name), 'utf8');
}

/**
 * @param {string} name
 * @param {string} extensions
 * @param {string[]} signer
 */
function certificate(name, extensions, signer) {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  openssl('req', '-new', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(join(folder, 'extensions'), extensions);
  const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'extensions'];
  openssl('ca', '-batch', '-notext', '-config', 'settings', ...valid, ...files, ...signer);
  return { cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
}

/** @param {string} name */
function authority(name) {
  const signer = ['-selfsign', '-keyfile', `${name}.key`];
  return certificate(name, 'basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n', signer).cert;
}

/**
 * @param {string} name
 * @param {string} issuer
 */
function signed(name, issuer) {
  const extensions = 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n';
  return certificate(name, extensions, ['-cert', `${issuer}.crt`, '-keyfile', `${issuer}.key`]);
}

const certificates = { authority: authority('authority'), strangers: authority('strangers') };
const pairs = {
  server: signed('server', 'authority'),
  nextServer: signed('next server', 'authority'),
  client: signed('client', 'authority'),
  stranger: signed('stranger', 'strangers'),
};
const comments = {
  authority: 'The authority that has signed all but `stranger`.',
  strangers: 'The authority that has signed `stranger`.',
  server: "A server's, for `localhost` and `127.0.0.1`.",
  nextServer: 'The same for another key: what `server` is replaced by.',
  client: "A client's.",
  stranger: "A client's or server's that nobody knows.",
};
const lines = Object.entries({ ...certificates, ...pairs }).map(
  ([name, value]) => `  /** ${comments[name]} */\n  ${name}: ${literal(value)},\n`,
);

writeFileSync(
  new URL('../packages/test-kit/src/certificates.ts', import.meta.url),
  `/**
 * Certificates and keys for tests, as PEM. Made by scripts/make-test-certificates.mjs, valid until 2120, for nothing else.
 */
export const certificates = {
${lines.join('')}} as const;
`,
);
rmSync(folder, { recursive: true });

/** @param {string | { cert: string, key: string }} value */
function literal(value) {
  if (typeof value === 'string') return `\`${value}\``;
  return `{\n    cert: \`${value.cert}\`,\n    key: \`${value.key}\`,\n  }`;
}
