// A bookmark store that forgets as LevelDB does: what was written and not made durable is a log, of which a power cut
// leaves the beginning, whole batches only. To clear it is not one step but many.
import type { BookmarkStore } from '../src/bookmarks/bookmark-index.js';
import { BookmarkStoreLocked } from '../src/bookmarks/level-bookmark-store.js';

type Batch = readonly (readonly [key: string, value: Uint8Array | undefined])[];

export class SimulatedBookmarks {
  /** Fails the writes that it returns an error for. */
  fault: (() => Error | undefined) | undefined;
  /** Called after each change. */
  onChange: (() => void) | undefined;
  readonly #live: Map<string, Uint8Array>;
  readonly #durable: Map<string, Uint8Array>;
  #log: Batch[] = [];
  #isOpen = false;

  constructor(content: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#live = new Map(content);
    this.#durable = new Map(content);
  }

  /** The store as the next program finds it when one is killed at this moment: all is there, but not durable yet. */
  afterKill(): SimulatedBookmarks {
    const store = new SimulatedBookmarks(this.#durable);
    for (const batch of this.#log) {
      apply(store.#live, batch);
      store.#log.push(batch);
    }
    return store;
  }

  /** The store as it is found after a power cut at this moment, with the batches that `keep` keeps, up to the first one lost. */
  afterPowerCut(keep: () => boolean): SimulatedBookmarks {
    const found = new Map(this.#durable);
    for (const batch of this.#log) {
      if (!keep()) break;
      apply(found, batch);
    }
    return new SimulatedBookmarks(found);
  }

  readonly open = async (path: string): Promise<BookmarkStore> => {
    if (this.#isOpen) throw new BookmarkStoreLocked(path);
    this.#isOpen = true;
    return {
      get: (key) => this.#live.get(textOf(key)),
      write: async (pairs, durable) => {
        const batch = Array.from(pairs, ([key, value]) => [textOf(key), value?.slice()] as const);
        await Promise.resolve();
        const error = this.fault?.();
        if (error) throw error;
        this.#write(batch);
        if (durable) this.#sync();
      },
      clear: async () => {
        for (const key of [...this.#live.keys()]) {
          await Promise.resolve();
          this.#write([[key, undefined]]);
        }
      },
      close: async () => {
        this.#isOpen = false;
      },
    };
  };

  #write(batch: Batch): void {
    apply(this.#live, batch);
    this.#log.push(batch);
    this.onChange?.();
  }

  #sync(): void {
    for (const batch of this.#log) apply(this.#durable, batch);
    this.#log = [];
    this.onChange?.();
  }
}

function apply(content: Map<string, Uint8Array>, batch: Batch): void {
  for (const [key, value] of batch) {
    if (value) content.set(key, value);
    else content.delete(key);
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
