// A machine whose power can be cut: a simulated disk and a simulated bookmark store, with one stream file on them.
import { StreamFile, type StreamFileOptions } from '../src/index.js';
import { identity } from './bytes.js';
import type { Random } from './random.js';
import { SimulatedBookmarks } from './simulated-bookmarks.js';
import { SimulatedDisk } from './simulated-disk.js';

const path = '/data/stream.bin';

export class SimulatedMachine {
  readonly disk: SimulatedDisk;
  readonly bookmarks: SimulatedBookmarks;

  constructor(disk = new SimulatedDisk(), bookmarks = new SimulatedBookmarks()) {
    this.disk = disk;
    this.bookmarks = bookmarks;
  }

  /** Opens the machine's stream file, which is created if it is not there. */
  open(options: StreamFileOptions = {}): Promise<StreamFile> {
    return StreamFile.open(path, {
      create: identity,
      disk: this.disk,
      openBookmarkStore: this.bookmarks.open,
      ...options,
    });
  }

  /** Called after each change of what is stored. */
  set onChange(listener: (() => void) | undefined) {
    this.disk.onChange = listener;
    this.bookmarks.onChange = listener;
  }

  /** The machine after its program was killed at this moment. */
  afterKill(): SimulatedMachine {
    return new SimulatedMachine(this.disk.afterKill(), this.bookmarks.afterKill());
  }

  /** The machine after a power cut at this moment: of what was not durable, `keep` decides what is there. */
  afterPowerCut(keep: () => boolean): SimulatedMachine {
    return new SimulatedMachine(this.disk.afterPowerCut(keep), this.bookmarks.afterPowerCut(keep));
  }

  /** The records of its journal, read from outside. */
  get records(): Uint8Array {
    return this.disk.contentOf(`${path}.journal`)?.subarray(32) ?? new Uint8Array(0);
  }

  /** The stream file's bytes, read from outside. */
  get content(): Uint8Array {
    return this.disk.contentOf(path) ?? new Uint8Array(0);
  }
}

/** Decides at random what a power cut leaves: mostly a mixture, at times all or nothing. */
export function keepSome(random: Random): () => boolean {
  const probability = random.pick([0, 0.1, 0.5, 0.5, 0.9, 1]);
  return () => random.chance(probability);
}
