/** An Ethereum node as far as a source needs one: blocks over JSON-RPC, with a head, forks and failures to order. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonBlock } from '../blocks-data.js';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

export class FakeNode implements AsyncDisposable {
  /** Number of the newest block that is told of. */
  head = 0;
  /** What requests are answered with in place of an answer: an HTTP status, or a JSON-RPC error. */
  failure: number | { readonly code: number; readonly message: string } | undefined;
  /** Methods that were called, failures too. */
  readonly calls: string[] = [];
  /** The `authorization` headers that came. */
  readonly authorizations = new Set<string | undefined>();
  readonly #blocks: Map<number, JsonBlock>;
  readonly #server: Server;

  private constructor(blocks: readonly JsonBlock[]) {
    this.#blocks = new Map(blocks.map((block) => [Number(block.number), block]));
    this.#server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        const { status, answer } = this.#answer(JSON.parse(body) as Call, request);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    });
  }

  static async start(blocks: readonly JsonBlock[], head: number): Promise<FakeNode> {
    const node = new FakeNode(blocks);
    node.head = head;
    node.#server.listen(0, '127.0.0.1');
    await once(node.#server, 'listening');
    return node;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Puts another block in the place of the one with its number. */
  replace(block: JsonBlock): void {
    this.#blocks.set(Number(block.number), block);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer({ id, method, params }: Call, request: IncomingMessage): { status: number; answer: unknown } {
    this.calls.push(method);
    this.authorizations.add(request.headers.authorization);
    const { failure } = this;
    if (typeof failure === 'number') return { status: failure, answer: {} };
    if (failure) return { status: 200, answer: { jsonrpc: '2.0', id, error: failure } };
    return { status: 200, answer: { jsonrpc: '2.0', id, result: this.#result(method, params) } };
  }

  #result(method: string, [quantity, full]: readonly unknown[]): unknown {
    const block = Number(quantity) <= this.head ? this.#blocks.get(Number(quantity)) : undefined;
    switch (method) {
      case 'eth_blockNumber':
        return hex(this.head);
      case 'eth_getBlockByNumber':
        return block && full === true ? block : null;
      case 'eth_getBlockTransactionCountByNumber':
        return block ? hex(block.transactions.length) : null;
      default:
        throw new Error(`nobody should call ${method}`);
    }
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
