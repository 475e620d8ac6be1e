/**
 * The port for those who watch: metrics, each client's lag, health and readiness, over HTTP. It has limits of its own, and
 * serves nothing that changes anything.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { field, type Address, type Logger, type Options } from '@ds/app-kit';
import type { ServerObserver } from '@ds/server';
import type { StorageObserver } from '@ds/stream-file';
import { Metrics, type Measured, type MetricsKinds } from './metrics.js';

/** Whether to be watched, and where. */
export const monitorOptions = {
  metricsPort: field.port().optional().meta({
    description: 'port for metrics, health and readiness over HTTP; 0 takes a free one. Off if not given',
  }),
  metricsHost: field.host().default('127.0.0.1').meta({ description: 'address to listen on for these' }),
};

const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 5_000;
const HEADER_BYTES_MAX = 8 << 10;

/** What a monitor is to know. */
export interface Watched extends Measured {
  /** Why clients should not be sent here now, in a sentence; undefined if they should. */
  readonly unready?: () => string | undefined;
}

/** Counts from the start on; listens when there is something to tell. */
export class Monitor implements AsyncDisposable {
  readonly #metrics: Metrics;
  readonly #server = createServer(
    {
      headersTimeout: REQUEST_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: REQUEST_MS_MAX,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => void this.#answer(request, response),
  );
  #watched: Watched | undefined;

  private constructor(kinds: MetricsKinds) {
    this.#metrics = new Metrics(() => this.#watched, kinds);
  }

  /**
   * Listens where the options say; undefined where they say nothing.
   *
   * @throws if it cannot listen
   */
  static async start(
    given: Options<typeof monitorOptions>,
    logger: Logger,
    kinds: MetricsKinds = {},
  ): Promise<Monitor | undefined> {
    if (given.metricsPort === undefined) return undefined;
    const monitor = new Monitor(kinds);
    const server = monitor.#server;
    server.maxConnections = CONNECTIONS_MAX;
    const { metricsPort: port, metricsHost: host } = given;
    server.listen(port, host);
    await once(server, 'listening').catch((cause: unknown) => {
      throw new Error(`cannot listen on ${host} port ${port} for metrics`, { cause });
    });
    server.on('error', (err) => {
      logger.warn({ err }, 'cannot accept a request for metrics');
    });
    return monitor;
  }

  get address(): Address {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  get serverObserver(): ServerObserver {
    return this.#metrics.serverObserver;
  }

  get storageObserver(): StorageObserver {
    return this.#metrics.storageObserver;
  }

  /** From now on there is something to watch; undefined: not any more. */
  watch(watched: Watched | undefined): void {
    this.#watched = watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    switch (url?.split('?')[0]) {
      case '/metrics':
        response.setHeader('content-type', this.#metrics.registry.contentType);
        response.end(await this.#metrics.registry.metrics());
        return;
      case '/clients':
        response.setHeader('content-type', 'application/json');
        response.end(`${JSON.stringify((await this.#watched?.server.clients()) ?? [])}\n`);
        return;
      case '/healthz':
        say(response, this.#watched?.file.failure?.message);
        return;
      case '/readyz':
        say(response, this.#watched ? this.#unready(this.#watched) : 'not serving');
        return;
      default:
        response.writeHead(404).end('there are /metrics, /clients, /healthz and /readyz\n');
    }
  }

  #unready({ file, unready }: Watched): string | undefined {
    return file.failure?.message ?? unready?.();
  }
}

/** 200 if nothing is wrong, 503 and what it is otherwise. */
function say(response: ServerResponse, problem: string | undefined): void {
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain' });
  response.end(`${problem ?? 'ok'}\n`);
}
