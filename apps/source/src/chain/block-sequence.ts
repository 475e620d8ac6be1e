/** A chain's blocks one after the other, as operations: each must follow the one that the stream has before it. */

import { formatHex } from '@ds/app-kit';
import type { OperationEntry } from '@ds/app-kit';
import { equalBytes } from '@ds/codec';
import { blockToEntries } from '../blocks/index.js';
import { hash, quantity, readJson, record } from '../blocks/json-fields.js';
import { FeedError } from '../errors.js';

/** What the stream's newest block is known by. */
export interface LastBlock {
  readonly number: bigint;
  readonly hash: Uint8Array;
  /** In seconds since 1970. */
  readonly timestamp: bigint;
}

const blockHead = record({ number: quantity, hash, parentHash: hash.nullish(), timestamp: quantity });

export class BlockSequence {
  readonly #inStream: LastBlock | undefined;
  #last: LastBlock | undefined;

  /** `inStream`: the newest block of the stream, where it is known. */
  constructor(inStream?: LastBlock) {
    this.#inStream = inStream;
    this.#last = inStream;
  }

  /**
   * The entries of a JSON-RPC block, or undefined when the stream has the block already.
   *
   * @throws {FeedError} `chain-broken` when it has another parent than the block before it, or another hash than in
   *   the stream
   * @throws {BlockError} when it can't be made into entries
   */
  entriesOf(json: unknown): OperationEntry[] | undefined {
    const { parentHash, ...block } = readJson(blockHead, json, {});
    const { number } = block;
    const last = this.#last;
    if (this.#inStream && number <= this.#inStream.number) {
      if (number === this.#inStream.number && !equalBytes(block.hash, this.#inStream.hash)) {
        throw chainBroken(
          `block ${number} is ${formatHex(block.hash)}, and ${formatHex(this.#inStream.hash)} in the stream`,
        );
      }
      return undefined;
    }
    if (last && parentHash && number === last.number + 1n && !equalBytes(parentHash, last.hash)) {
      throw chainBroken(
        `block ${number} has the parent ${formatHex(parentHash)}, but block ${last.number} before it is ${formatHex(last.hash)}`,
      );
    }
    const entries = blockToEntries(
      json,
      last && { number: quantityText(last.number), timestamp: quantityText(last.timestamp) },
    );
    this.#last = block;
    return entries;
  }
}

function chainBroken(problem: string): FeedError {
  return new FeedError('chain-broken', problem);
}

function quantityText(value: bigint): string {
  return `0x${value.toString(16)}`;
}
