/**
 * Bookmarks one behind the other, packed: keys back to back in one array. An object, an array or a string for each would
 * cost a stream of many small operations more than everything else that a commit does.
 *
 * A map to look keys up in is made when the first one is looked up, and goes on from there.
 */
/** What a list says of a key that the index is to forget. */
export const REMOVED = -1;

const FIRST_KEYS = 8;
const FIRST_BYTES = 64;

export class BookmarkList {
  #keys = new Uint8Array(FIRST_BYTES);
  #keysEnd = 0;
  #keyLengths = new Uint16Array(FIRST_KEYS);
  /** Number of each bookmark's entry, a safe integer, or `REMOVED`. */
  #entries = new Float64Array(FIRST_KEYS);
  #length = 0;
  /** The newest entry of each key of the first bookmarks, and how many and how long these are. */
  readonly #found = new Map<string, number>();
  #foundCount = 0;
  #foundEnd = 0;

  get length(): number {
    return this.#length;
  }

  /** Entry of the bookmark at an index of this list. */
  entryAt(index: number): number {
    return this.#entries[index]!;
  }

  /** Adds a bookmark, whose key is `bytes[at..at + length)` and is copied. */
  add(bytes: Uint8Array, at: number, length: number, entry: number): void {
    this.#reserve(1, length);
    // As short as they are, copying bytes one by one is faster than `set` and a view.
    for (let i = 0; i < length; i++) this.#keys[this.#keysEnd + i] = bytes[at + i]!;
    this.#keysEnd += length;
    this.#keyLengths[this.#length] = length;
    this.#entries[this.#length++] = entry;
  }

  /** Adds all bookmarks of another list behind those of this one. */
  append(other: BookmarkList): void {
    this.#appendFirst(other, other.#length, other.#keysEnd);
  }

  #appendFirst(other: BookmarkList, count: number, keysEnd: number): void {
    this.#reserve(count, keysEnd);
    this.#keys.set(other.#keys.subarray(0, keysEnd), this.#keysEnd);
    this.#keysEnd += keysEnd;
    this.#keyLengths.set(other.#keyLengths.subarray(0, count), this.#length);
    this.#entries.set(other.#entries.subarray(0, count), this.#length);
    this.#length += count;
  }

  /** Removes the bookmarks of entry `entry` and of all behind it. The list's entries must rise. Nobody may have looked keys up. */
  cut(entry: number): void {
    while (this.#length > 0 && this.#entries[this.#length - 1]! >= entry)
      this.#keysEnd -= this.#keyLengths[--this.#length]!;
  }

  /** Moves the bookmarks of entries below `entry` to the end of another list. As `cut`. */
  moveBelow(entry: number, to: BookmarkList): void {
    let left = 0;
    let leftBytes = 0;
    while (left < this.#length && this.#entries[this.#length - 1 - left]! >= entry)
      leftBytes += this.#keyLengths[this.#length - 1 - left++]!;
    const moved = this.#length - left;
    const movedBytes = this.#keysEnd - leftBytes;
    to.#appendFirst(this, moved, movedBytes);
    this.#keys.copyWithin(0, movedBytes, this.#keysEnd);
    this.#keyLengths.copyWithin(0, moved, this.#length);
    this.#entries.copyWithin(0, moved, this.#length);
    this.#length = left;
    this.#keysEnd = leftBytes;
  }

  /** The newest bookmark's entry with this key, `REMOVED`, or undefined if the list says nothing of it. */
  find(key: Uint8Array): number | undefined {
    for (; this.#foundCount < this.length; this.#foundCount++) {
      const length = this.#keyLengths[this.#foundCount]!;
      this.#found.set(textOf(this.#keys, this.#foundEnd, length), this.entryAt(this.#foundCount));
      this.#foundEnd += length;
    }
    return this.#found.get(textOf(key, 0, key.length));
  }

  /** Keys and entries in their order. A key's array is overwritten by the next ones. */
  *[Symbol.iterator](): Generator<readonly [key: Uint8Array, entry: number], void, undefined> {
    const ofLength: Uint8Array[] = [];
    let at = 0;
    for (let index = 0; index < this.length; index++) {
      const length = this.#keyLengths[index]!;
      const key = (ofLength[length] ??= new Uint8Array(length));
      for (let i = 0; i < length; i++) key[i] = this.#keys[at + i]!;
      at += length;
      yield [key, this.entryAt(index)];
    }
  }

  #reserve(count: number, bytes: number): void {
    if (this.#keysEnd + bytes > this.#keys.length)
      this.#keys = copyWithRoom(this.#keys, new Uint8Array(2 * (this.#keysEnd + bytes)));
    if (this.#length + count <= this.#entries.length) return;
    const room = 2 * (this.#length + count);
    this.#keyLengths = copyWithRoom(this.#keyLengths, new Uint16Array(room));
    this.#entries = copyWithRoom(this.#entries, new Float64Array(room));
  }
}

/** `larger`, which begins with what stands in `array` now. */
function copyWithRoom<T extends Uint8Array | Uint16Array | Float64Array>(array: T, larger: T): T {
  larger.set(array);
  return larger;
}

/** A key as text, one character a byte, to look it up by. */
export function textOf(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
