/** The blocks of a node, in order, as they become final enough; on and on, with its head. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { EthereumNode } from './ethereum-node.js';

export interface NodeBlocksOptions {
  readonly from: bigint;
  /** The last one; undefined goes on for ever. */
  readonly to: bigint | undefined;
  /** Blocks behind the head that are left alone. */
  readonly confirmations: bigint;
  readonly pollMs: number;
  /** Ends the wait for new blocks with its reason. */
  readonly signal: AbortSignal;
}

/** Requests under way at once while there is something to catch up with. */
const REQUESTS_MAX = 8;

/** Blocks as JSON-RPC has them, each with full transactions. */
export async function* nodeBlocks(
  node: Pick<EthereumNode, 'head' | 'block'>,
  options: NodeBlocksOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { to, confirmations, pollMs, signal } = options;
  for (let next = options.from; ;) {
    const settled = (await node.head()) - confirmations;
    const last = to !== undefined && to < settled ? to : settled;
    if (last >= next) {
      yield* ordered(next, last, (number) => node.block(number));
      next = last + 1n;
    }
    if (to !== undefined && next > to) return;
    await sleep(pollMs, undefined, { signal });
  }
}

/** What `get` gives for each number from `first` to `last`, in order, several asked for at once. */
export async function* ordered<T>(
  first: bigint,
  last: bigint,
  get: (number: bigint) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const asked: Promise<T>[] = [];
  let next = first;
  for (let number = first; number <= last; number++) {
    for (; next <= last && asked.length < REQUESTS_MAX; next++) {
      const answer = get(next);
      // One that fails is reported when its turn comes, or not at all if nobody gets that far.
      answer.catch(() => undefined);
      asked.push(answer);
    }
    const [answer] = asked.splice(0, 1);
    if (answer) yield await answer;
  }
}
