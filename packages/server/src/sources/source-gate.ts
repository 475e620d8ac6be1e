/**
 * One writer: lets in the source with the highest epoch, and no two with the same one.
 *
 * The highest epoch is kept in the stream file, durably, before the source that brought it is let in.
 */
import { result, ResultCode, type Result } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import { storageResult } from './storage-results.js';

/** A source as the gate sees it. */
export interface Gated {
  /** Rolls back what is open and ends the connection, telling the source why. */
  evict(reason: Result): void;
  /** Finds out soon whether the source is still there: ends the connection if it is not. */
  probe(): void;
}

export class SourceGate {
  readonly #file: StreamFile;
  #current: { readonly source: Gated; readonly epoch: bigint } | undefined;
  /** Sources are let in one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: StreamFile) {
    this.#file = file;
  }

  /** Lets a source in, or says why not. */
  admit(source: Gated, epoch: bigint): Promise<Result | undefined> {
    const admitted = this.#turn.then(() => this.#admit(source, epoch));
    this.#turn = admitted.catch(() => undefined);
    return admitted;
  }

  /** The source is gone. */
  leave(source: Gated): void {
    if (this.#current?.source === source) this.#current = undefined;
  }

  async #admit(source: Gated, epoch: bigint): Promise<Result | undefined> {
    const highest = this.#file.epoch;
    if (epoch < highest) {
      return result(
        ResultCode.epochFenced,
        `Epoch ${epoch} is fenced: a source with epoch ${highest} has taken over`,
      );
    }
    if (this.#current) {
      if (epoch === this.#current.epoch) {
        // It may be the same source, which has lost its connection when this side has not noticed.
        this.#current.source.probe();
        return result(ResultCode.sourceConnected);
      }
      const evicted = this.#current.source;
      this.#current = undefined;
      evicted.evict(result(ResultCode.epochFenced, `A source with epoch ${epoch} has taken over`));
    }
    try {
      await this.#file.raiseEpoch(epoch);
    } catch (error) {
      return storageResult(error);
    }
    this.#current = { source, epoch };
    return undefined;
  }
}
