/**
 * Bookmarks one behind the other, packed: keys back to back in one array. An object, an array or a string for each would
 * cost a stream of many small operations more than everything else that a commit does.
 *
 * A map to look keys up in is made when the first one is looked up, and goes on from there.
 */
/** What a list says of a key that the index is to forget. */
export const REMOVED = -1;

const FIRST_BYTES = 64;

export class BookmarkList {
  #keys = new Uint8Array(FIRST_BYTES);
  #keysEnd = 0;
  readonly #keyLengths: number[] = [];
  /** Number of each bookmark's entry, a safe integer, or `REMOVED`. */
  readonly #entries: number[] = [];
  /** The newest entry of each key of the first bookmarks, and how many and how long these are. */
  readonly #found = new Map<string, number>();
  #foundCount = 0;
  #foundEnd = 0;

  get length(): number {
    return this.#entries.length;
  }

  /** Entry of the bookmark at an index of this list. */
  entryAt(index: number): number {
    return this.#entries[index]!;
  }

  /** Adds a bookmark, whose key is `bytes[at..at + length)` and is copied. */
  add(bytes: Uint8Array, at: number, length: number, entry: number): void {
    this.#reserve(length);
    // As short as they are, copying bytes one by one is faster than `set` and a view.
    for (let i = 0; i < length; i++) this.#keys[this.#keysEnd + i] = bytes[at + i]!;
    this.#keysEnd += length;
    this.#keyLengths.push(length);
    this.#entries.push(entry);
  }

  /** Adds all bookmarks of another list behind those of this one. */
  append(other: BookmarkList): void {
    this.#reserve(other.#keysEnd);
    this.#keys.set(other.#keys.subarray(0, other.#keysEnd), this.#keysEnd);
    this.#keysEnd += other.#keysEnd;
    for (const length of other.#keyLengths) this.#keyLengths.push(length);
    for (const entry of other.#entries) this.#entries.push(entry);
  }

  /** Removes the bookmarks of entry `entry` and of all behind it. The list's entries must rise. Nobody may have looked keys up. */
  cut(entry: number): void {
    while ((this.#entries.at(-1) ?? -1) >= entry) {
      this.#entries.pop();
      this.#keysEnd -= this.#keyLengths.pop() ?? 0;
    }
  }

  /** Moves the bookmarks of entries below `entry` to a list of their own. As `cut`. */
  takeBelow(entry: number): BookmarkList {
    const taken = new BookmarkList();
    taken.append(this);
    taken.cut(entry);
    this.#keys.copyWithin(0, taken.#keysEnd, this.#keysEnd);
    this.#keysEnd -= taken.#keysEnd;
    this.#keyLengths.splice(0, taken.length);
    this.#entries.splice(0, taken.length);
    return taken;
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

  #reserve(bytes: number): void {
    const needed = this.#keysEnd + bytes;
    if (needed <= this.#keys.length) return;
    const keys = new Uint8Array(Math.max(needed, 2 * this.#keys.length));
    keys.set(this.#keys.subarray(0, this.#keysEnd));
    this.#keys = keys;
  }
}

/** A key as text, one character a byte, to look it up by. */
export function textOf(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
