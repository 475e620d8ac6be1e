/** Seeded randomness (mulberry32): the same seed records the same blocks. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit) => next() % limit;
  return {
    /** An integer in `[0, limit)`. */
    below,
    /** An integer in `[low, high]`. */
    between: (low, high) => low + below(high - low + 1),
    /** One of the items. */
    pick: (items) => items[below(items.length)],
    /** One of `[weight, value]` pairs, each as likely as its weight says. */
    weighted: (pairs) => {
      let rest = below(pairs.reduce((sum, [weight]) => sum + weight, 0));
      return pairs.find(([weight]) => (rest -= weight) < 0)[1];
    },
    /** `length` bytes as a `0x` string. */
    hex: (length) => `0x${Buffer.from(Array.from({ length }, () => below(256))).toString('hex')}`,
  };
}
