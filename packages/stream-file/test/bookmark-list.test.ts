// Goal: a packed list of bookmarks says what a plain list of keys and entries would, and the index made of such lists what a
// map would, also when the store takes them in several batches and fails in between.
// Method: random calls, made to both.
import { expect, it } from 'vitest';
import { BookmarkIndex, type BookmarkStore } from '../src/bookmarks/bookmark-index.js';
import { BookmarkList, REMOVED } from '../src/bookmarks/bookmark-list.js';
import { ascii, hex } from './bytes.js';
import { rounds, type Random } from './random.js';
import { SimulatedBookmarks } from './simulated-bookmarks.js';

type Plain = [key: string, entry: number][];

function contentOf(list: BookmarkList): Plain {
  return Array.from(list, ([key, entry]) => [hex(key)!, entry]);
}

function add(list: BookmarkList, key: Uint8Array, entry: number): void {
  list.add(Uint8Array.of(0xee, ...key, 0xee), 1, key.length, entry);
}

function randomKey(random: Random): Uint8Array {
  return random.chance(0.5) ? random.bytes(1) : random.bytes(random.integer(1, 16));
}

it('is what a plain list is', async () => {
  await rounds(50, 'bookmark-list.test.ts', async (random) => {
    let list = new BookmarkList();
    let plain: Plain = [];
    let entry = 0;
    for (let step = 0; step < 60; step++) {
      const choice = random.next();
      const at = random.integer(0, entry + 1);
      if (choice < 0.7) {
        const key = randomKey(random);
        add(list, key, entry);
        plain.push([hex(key)!, entry]);
        entry += random.integer(1, 3);
      } else if (choice < 0.8) {
        list.cut(at);
        plain = plain.filter(([, other]) => other < at);
      } else if (choice < 0.9) {
        const moved = new BookmarkList();
        add(moved, ascii('before'), 0);
        list.moveBelow(at, moved);
        const below = plain.filter(([, other]) => other < at);
        expect(contentOf(moved)).toEqual([[hex(ascii('before')), 0], ...below]);
        plain = plain.filter(([, other]) => other >= at);
      } else {
        const other = new BookmarkList();
        other.append(list);
        list = other;
      }
      expect(contentOf(list)).toEqual(plain);
      expect(list.length).toBe(plain.length);
    }
    return undefined;
  });
});

it('finds the newest entry of a key, also of those that were added since something was looked up', async () => {
  await rounds(10, 'bookmark-list.test.ts', async (random) => {
    const list = new BookmarkList();
    const newest = new Map<string, number>();
    for (let entry = 0; entry < 100; entry++) {
      const key = randomKey(random);
      const says = random.chance(0.1) ? REMOVED : entry;
      add(list, key, says);
      newest.set(hex(key)!, says);
      if (random.chance(0.7)) continue;
      for (const [each, expected] of newest) expect(list.find(Buffer.from(each, 'hex'))).toBe(expected);
      expect(list.find(ascii('a key not there'))).toBeUndefined();
    }
    return undefined;
  });
});

it('more bookmarks than a batch holds reach the store, and never more of them than it says', async () => {
  const bookmarks = new SimulatedBookmarks();
  const index = new BookmarkIndex(await bookmarks.open('index'), 'stream.bin');
  await index.clear();
  const keys = Array.from({ length: 7000 }, (_, nth) => ascii(`key ${nth % 6000}`));
  const list = new BookmarkList();
  for (const [entry, key] of keys.entries()) add(list, key, entry);
  /** What the next program finds at each moment. */
  const found: { indexedTo: number; newest: number }[] = [];
  bookmarks.onChange = () => {
    const store = bookmarks.afterPowerCut(() => true);
    void store.open('index').then((opened: BookmarkStore) => {
      const left = new BookmarkIndex(opened, 'stream.bin');
      const entries = keys.map((key) => left.get(key) ?? -1);
      found.push({ indexedTo: left.indexedTo, newest: Math.max(...entries) });
    });
  };
  let writes = 0;
  bookmarks.fault = () => ([3, 5].includes(++writes) ? new Error('a moment without room') : undefined);
  index.add(list, keys.length);
  expect(index.get(ascii('key 999'))).toBe(6999);
  await expect(index.flush()).rejects.toThrow('a moment');
  expect(index.get(ascii('key 999'))).toBe(6999);
  await index.flush();
  bookmarks.onChange = undefined;
  expect(found.length).toBeGreaterThan(5);
  for (const { indexedTo, newest } of found) expect(newest).toBeLessThan(indexedTo);
  expect(found.at(-1)).toEqual({ indexedTo: 7000, newest: 6999 });
  const stored = new BookmarkIndex(await bookmarks.afterKill().open('index'), 'stream.bin');
  for (const nth of [0, 999, 1000, 5999]) {
    const entry = nth < 1000 ? nth + 6000 : nth;
    for (const each of [index, stored]) expect(each.get(ascii(`key ${nth}`))).toBe(entry);
  }
});
