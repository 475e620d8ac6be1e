/** Real blocks for tests: one of mainnet, and the recorded ones that the demo ships. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export type Json = Record<string, unknown>;

export interface JsonBlock extends Json {
  readonly number: string;
  readonly timestamp: string;
  readonly hash: string;
  readonly transactions: readonly (Json & {
    readonly hash: string;
    readonly type: string;
    readonly v: string;
  })[];
}

const unpack = (path: string): string => gunzipSync(readFileSync(new URL(path, import.meta.url))).toString();

export const mainnetBlock = JSON.parse(unpack('data/mainnet-block-15571241.json.gz')) as JsonBlock;

export const recordedBlocks = unpack('../../demo/data/blocks.jsonl.gz')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as JsonBlock);
