/** Feeds a server from the outbox, until it has come to what is kept in memory. */
import type { OutboxReader } from '../outbox/outbox-reader.js';
import { RequestLog } from '../requests/request-log.js';
import type { LinkConnection } from './link-connection.js';

/** Bytes of requests that are read ahead of what the server has acknowledged. */
const READ_AHEAD_BYTES = 4 << 20;

export class CatchUp {
  readonly #outbox: OutboxReader;
  readonly #log: RequestLog;
  /** The requests that were made of what stands in the outbox, and are not acknowledged. */
  readonly #backlog: RequestLog;
  #wake: () => void = () => undefined;

  /** `entries`: how many the server has. */
  constructor(outbox: OutboxReader, log: RequestLog, entries: bigint) {
    this.#outbox = outbox;
    this.#log = log;
    this.#backlog = new RequestLog(entries);
  }

  /** All requests of the backlog before `next` are acknowledged. */
  acknowledge(next: number): void {
    this.#backlog.forgetBefore(next);
    this.#wake();
  }

  /** Resolves with the number of the log's request that the server needs next. */
  async run(connection: LinkConnection): Promise<number> {
    const backlog = this.#backlog;
    connection.failed.catch(() => {
      this.#wake();
    });
    connection.feed(backlog, 0);
    while (connection.ready) {
      // Where the log begins moves on meanwhile.
      const goal = this.#log.entriesBefore(this.#log.first);
      if (backlog.entries === goal && backlog.first === backlog.end) return this.#log.first;
      if (backlog.entries < goal && backlog.bytes < READ_AHEAD_BYTES) {
        const operation = await this.#outbox.operationFrom(backlog.entries, goal);
        if (!operation) throw new Error(`the outbox lacks entry ${backlog.entries}`);
        backlog.push(operation);
        connection.send();
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
    return connection.failed;
  }
}
