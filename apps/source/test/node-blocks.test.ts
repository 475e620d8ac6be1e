// Blocks of a node come in order however its answers come, few are asked for at once, and a stream's last block is
// found by counting.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { countedBlock } from '../src/chain/counted-block.js';
import { nodeBlocks, ordered } from '../src/chain/node-blocks.js';
import { recordedBlocks } from './blocks-data.js';

describe('Several requests at once', () => {
  it('are answered in order, whichever answer comes first', async () => {
    let underWay = 0;
    let most = 0;
    const slowFirst = async (number: bigint): Promise<bigint> => {
      most = Math.max(most, ++underWay);
      await sleep(Number(30n - number));
      underWay--;
      return number;
    };
    const got: bigint[] = [];
    for await (const number of ordered(5n, 29n, slowFirst)) got.push(number);
    expect(got).toEqual(Array.from({ length: 25 }, (_, at) => BigInt(at + 5)));
    expect(most).toBe(8);
  });

  it('fail where the first failure stands, with all before it', async () => {
    const got: bigint[] = [];
    const reading = (async () => {
      for await (const number of ordered(0n, 20n, async (at) => {
        if (at >= 3n) throw new Error(`no ${at}`);
        return at;
      })) {
        got.push(number);
      }
    })();
    await expect(reading).rejects.toThrow('no 3');
    expect(got).toEqual([0n, 1n, 2n]);
  });
});

describe('Following a head', () => {
  it('gives each block once, also when the head jumps or goes back', async () => {
    const heads = [3n, 3n, 2n, 7n, 5n, 9n];
    const node = { head: async () => heads.shift() ?? 9n, block: async (number: bigint) => number };
    const got: unknown[] = [];
    const options = { from: 1n, to: 8n, confirmations: 1n, pollMs: 1, signal: new AbortController().signal };
    for await (const block of nodeBlocks(node, options)) got.push(block);
    expect(got).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
  });

  it('ends with the signal’s reason', async () => {
    const stop = new AbortController();
    const node = { head: async () => 0n, block: async (number: bigint) => number };
    const options = { from: 1n, to: undefined, confirmations: 0n, pollMs: 60_000, signal: stop.signal };
    const reading = nodeBlocks(node, options).next();
    stop.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('The block that a stream ends with', () => {
  const at = (number: bigint): (typeof recordedBlocks)[number] => recordedBlocks[Number(number) - 1]!;
  const node = {
    head: async () => 300n,
    block: async (number: bigint) => at(number),
    transactionCount: async (number: bigint) => BigInt(at(number).transactions.length),
  };
  const entriesUpTo = (from: bigint, to: bigint): bigint => {
    let entries = 0n;
    for (let number = from; number <= to; number++) entries += BigInt(at(number).transactions.length) + 3n;
    return entries;
  };

  it.each([
    [1n, 1n],
    [1n, 300n],
    [17n, 50n],
  ])('is found from its number of entries: from %d to %d', async (from, to) => {
    const found = await countedBlock(node, from, entriesUpTo(from, to));
    expect(found).toMatchObject({ number: to, timestamp: BigInt(at(to).timestamp) });
  });

  it('is none in an empty stream', async () => {
    expect(await countedBlock(node, 1n, 0n)).toBeUndefined();
  });

  it.each([
    ['within a block', 1n, entriesUpTo(1n, 9n) + 1n],
    ['beyond the node’s head', 1n, entriesUpTo(1n, 300n) + 3n],
    ['when the stream begins beyond the head', 301n, 3n],
  ])('is not guessed: %s', async (_where, from, entries) => {
    await expect(countedBlock(node, from, entries)).rejects.toMatchObject({ code: 'no-resume' });
  });
});
