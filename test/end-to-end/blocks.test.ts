// Goal: a real block goes in at one end and comes out at the other as it went in, and again after every program was stopped, or
// killed, and started anew. Method: the programs as they are deployed; a block of mainnet, whose transactions prove
// themselves by their hashes.
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { keccak_256 } from '@noble/hashes/sha3.js';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import { blockBookmark, decodePayload, EntryType } from '@ds/zkevm';

import { Chain, places, startApp } from './support/chain.js';

const blocksPath = fileURLToPath(
  new URL('../../apps/source/test/data/mainnet-block-15571241.json.gz', import.meta.url),
);
const block = JSON.parse(gunzipSync(readFileSync(blocksPath)).toString()) as {
  number: string;
  hash: string;
  transactions: { hash: string }[];
};
/** Bookmark, L2Block, its transactions, L2BlockEnd. */
const entryCount = block.transactions.length + 3;

interface JsonEntry {
  readonly number: string;
  readonly type: number;
  readonly data: string;
}

it('carries a block of mainnet through two relays, and keeps it through restarts and crashes', async () => {
  await using folder = await temporaryFolder();
  await using chain = await Chain.in(folder);
  await chain.start(...places);
  await using source = startApp('source', ['--server', chain.sourceAddress, '--blocks', blocksPath]);
  expect(await source.ended()).toMatchObject({ status: 0 });

  const followed = await follow(chain);
  expectBlock(followed);

  for (const program of await chain.stop('SIGTERM', ...places)) expect(program.status).toBe(0);
  // What says that a process has a file open goes with the process.
  const left = await readdir(dirname(chain.path('server')));
  expect(left).toEqual(expect.arrayContaining(places.map((place) => `${place}.bin`)));
  expect(left.filter((name) => name.endsWith('.holder'))).toEqual([]);
  await chain.start(...places);
  expect(await follow(chain)).toBe(followed);

  await chain.stop('SIGKILL', ...places);
  await chain.start(...places);
  expect(await follow(chain)).toBe(followed);
  for (const program of await chain.stop('SIGTERM', ...places)) expect(program.status).toBe(0);
}, 60_000);

/** What a client of the second relay gets, as text. */
async function follow(chain: Chain): Promise<string> {
  await using client = startApp('client', [
    ...['--server', chain.address('relay2'), '--format', 'json'],
    ...['follow', '--count', String(entryCount)],
  ]);
  const { status, out } = await client.ended();
  expect(status).toBe(0);
  return out;
}

function expectBlock(lines: string): void {
  const entries = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonEntry);
  expect(entries.map(({ number }) => number)).toEqual(
    Array.from({ length: entryCount }, (_none, at) => String(at)),
  );
  expect(entries.map(({ type }) => type)).toEqual([
    EntryType.bookmark,
    EntryType.l2Block,
    ...block.transactions.map(() => EntryType.transaction),
    EntryType.l2BlockEnd,
  ]);
  expect(entries[0]?.data).toBe(hex(blockBookmark(BigInt(block.number))));
  const payloads = entries.slice(1).map(({ type, data }) => decodePayload(type, bytesOf(data)));
  expect(payloads.at(0)).toMatchObject({
    kind: 'l2Block',
    number: BigInt(block.number),
    hash: bytesOf(block.hash),
  });
  expect(payloads.at(-1)).toMatchObject({ kind: 'l2BlockEnd', number: BigInt(block.number) });
  const hashes = payloads.flatMap((payload) =>
    payload.kind === 'transaction' ? [hex(keccak_256(payload.encoded))] : [],
  );
  expect(hashes.length).toBeGreaterThan(0);
  expect(hashes).toEqual(block.transactions.map(({ hash }) => hash));
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace('0x', ''), 'hex'));
}
