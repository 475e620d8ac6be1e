/**
 * File descriptors, of which a process has so many. The last ones are not for connections: without one no file can be opened,
 * and a peer that is accepted can still be told why it has to go.
 *
 * Descriptors are given out lowest first, so the number of a new one tells how many are left. When there is none at all,
 * libuv closes what waits to be accepted, without a word to us, and goes on accepting as soon as there are some again.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';

/** `short`: no more connections; `none`: not even to say so. */
export type DescriptorSupply = 'enough' | 'short' | 'none';

const RESERVE_MAX = 64;

export class Descriptors {
  readonly #limit: number;

  /** `limit`: how many this process may have. */
  constructor(limit = limitOfProcess()) {
    this.#limit = limit;
  }

  /** Connections that another process may have that has as many descriptors as this one, and little else open. */
  get roomElsewhere(): number {
    return Math.floor(this.#limit - 2 * this.#reserve);
  }

  get supply(): DescriptorSupply {
    const next = this.#next();
    const reserve = this.#reserve;
    if (next >= this.#limit - reserve / 2) return 'none';
    return next >= this.#limit - reserve ? 'short' : 'enough';
  }

  get #reserve(): number {
    return Math.min(RESERVE_MAX, this.#limit / 8);
  }

  /** Number of the descriptor that would be given out next. */
  #next(): number {
    try {
      const descriptor = openSync(devNull, 'r');
      closeSync(descriptor);
      return descriptor;
    } catch {
      return Infinity;
    }
  }
}

/** Only Linux says it in a file; elsewhere it shows when there is none left. */
function limitOfProcess(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft);
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
