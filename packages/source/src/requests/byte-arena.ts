/**
 * Holds bytes that belong to requests, many of them side by side in one array: so requests that follow each other can be
 * sent with one write, and small ones cost no array each.
 */

/** Bytes of an array that is shared. */
const SHARED_BYTES = 256 << 10;

export class ByteArena {
  #shared = new Uint8Array(0);
  #used = 0;

  /** A copy of `bytes`, which stands behind the last one where there is room. */
  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > SHARED_BYTES / 2) return bytes.slice();
    if (length > this.#shared.length - this.#used) {
      this.#shared = new Uint8Array(SHARED_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#shared.set(bytes, at);
    this.#used += length;
    return this.#shared.subarray(at, this.#used);
  }
}

/** Whether `next` stands right behind `bytes` in the same array. */
export function adjoins(bytes: Uint8Array, next: Uint8Array): boolean {
  return bytes.buffer === next.buffer && bytes.byteOffset + bytes.length === next.byteOffset;
}
