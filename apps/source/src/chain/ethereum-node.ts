/** An Ethereum node, asked over JSON-RPC. One that fails is asked again for a while: nodes restart. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { describeError, formatDurationMs, type Logger } from '@ds/app-kit';
import { quantity } from '../blocks/json-fields.js';
import { FeedError } from '../errors.js';

export interface EthereumNodeOptions {
  /** A user and a password in it are sent as basic authorization. */
  readonly url: URL;
  /** Time for one answer. */
  readonly timeoutMs: number;
  /** Time for which a request that fails is made again. */
  readonly retryMs: number;
  readonly logger: Logger;
  /** Ends requests and waits with its reason. */
  readonly signal: AbortSignal;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;

const answerShape = z.union([
  z.object({ error: z.object({ code: z.number(), message: z.string() }) }),
  z.object({ result: z.unknown() }),
]);

const blockHead = z.object({ number: quantity });

export class EthereumNode {
  readonly #options: EthereumNodeOptions;
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  #nextId = 1;

  constructor(options: EthereumNodeOptions) {
    this.#options = options;
    const { username, password } = options.url;
    this.#url = new URL(options.url);
    this.#url.username = '';
    this.#url.password = '';
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#headers = {
      'content-type': 'application/json',
      ...(username !== '' && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
    };
  }

  /** The node for messages: its host alone, as paths often carry keys. */
  get name(): string {
    return this.#url.host;
  }

  /** Number of the newest block. */
  head(): Promise<bigint> {
    return this.#ask('eth_blockNumber', [], quantity);
  }

  /** A block with full transactions, as the node answers it. */
  block(number: bigint): Promise<unknown> {
    return this.#ask('eth_getBlockByNumber', [`0x${number.toString(16)}`, true], blockShape(number));
  }

  /** How many transactions a block has. */
  transactionCount(number: bigint): Promise<bigint> {
    return this.#ask('eth_getBlockTransactionCountByNumber', [`0x${number.toString(16)}`], quantity);
  }

  async #ask<T extends z.ZodType>(
    method: string,
    params: readonly unknown[],
    shape: T,
  ): Promise<z.output<T>> {
    const { retryMs, signal, logger } = this.#options;
    const startedMs = performance.now();
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await this.#askOnce(method, params, shape);
      } catch (cause) {
        signal.throwIfAborted();
        const reason = describeError(cause);
        if (performance.now() - startedMs + waitMs > retryMs) {
          const given = `${this.name}: ${method} has failed for ${formatDurationMs(retryMs)}`;
          throw new FeedError('node', `${given}: ${reason}`, { cause });
        }
        logger.warn({ node: this.name, method, reason }, 'the node fails; it is asked again');
      }
      await sleep(waitMs, undefined, { signal });
    }
  }

  async #askOnce<T extends z.ZodType>(
    method: string,
    params: readonly unknown[],
    shape: T,
  ): Promise<z.output<T>> {
    const { timeoutMs, signal } = this.#options;
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: this.#headers,
      body: JSON.stringify({ jsonrpc: '2.0', id: this.#nextId++, method, params }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) throw new FeedError('node', `HTTP status ${response.status}`);
    const answer = answerShape.parse(await response.json());
    if ('error' in answer) throw new FeedError('node', `${answer.error.message} (${answer.error.code})`);
    const result = shape.safeParse(answer.result);
    if (!result.success) throw new FeedError('node', `it answers ${JSON.stringify(answer.result)}`);
    return result.data;
  }
}

/** Any block with this number. Nodes answer null for one that they do not have, or not yet. */
function blockShape(number: bigint): z.ZodType {
  return z.unknown().refine((value) => blockHead.safeParse(value).data?.number === number);
}
