/**
 * Where a consumer keeps its position. A file is the simplest; whoever has a database keeps it there, in the transaction
 * that stores what was processed.
 *
 * A file that is saved holds the old position or the new one, whole, whatever happens: it is written and synced under
 * another name first.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

import { ClientError } from '../errors.js';
import { formatPosition, parsePosition, type StreamPosition } from './position.js';

/** Keeps one position. */
export interface Checkpoint {
  /** The position that was saved last; undefined if none was. */
  load(): Promise<StreamPosition | undefined>;
  /** Resolves when the position is safe from a power cut. */
  save(position: StreamPosition): Promise<void>;
}

/**
 * Keeps a position in a file, which need not be there yet; its folder must be. What goes wrong with the disk is thrown as
 * `node:fs` does.
 */
export class FileCheckpoint implements Checkpoint {
  /** The file; while it is saved, one with `.new` behind its name stands beside it. */
  readonly path: string;
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The position that was saved last; undefined if there is no file.
   * @throws {ClientError} `bad-checkpoint` if the file holds something else
   */
  async load(): Promise<StreamPosition | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return parsePosition(text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ClientError('bad-checkpoint', `${this.path}: ${reason}`, { cause });
    }
  }

  /** Resolves when the file is safe from a power cut. Saves that are asked for at the same time are done one after the other. */
  save(position: StreamPosition): Promise<void> {
    const saved = this.#saving.then(() => this.#write(`${formatPosition(position)}\n`));
    this.#saving = saved.catch(() => undefined);
    return saved;
  }

  async #write(text: string): Promise<void> {
    const temporary = `${this.path}.new`;
    await using file = await open(temporary, 'w');
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, this.path);
    await syncFolder(dirname(this.path));
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
