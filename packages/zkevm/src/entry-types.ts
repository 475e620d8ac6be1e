/** The numbers that zkEVM streams use: entry types of both styles, and the two enumerations inside payloads. */

/** Entry types of streams whose payloads are protobuf messages (all nodes of today). */
export const EntryType = {
  batchStart: 1,
  l2Block: 2,
  transaction: 3,
  batchEnd: 4,
  updateGer: 5,
  l2BlockEnd: 6,
  bookmark: 0xb0,
} as const;
/** One of the entry types of a protobuf stream. */
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** Entry types of old streams, whose payloads are big-endian structs. The same numbers mean other things there. */
export const LegacyEntryType = {
  blockStart: 1,
  transaction: 2,
  blockEnd: 3,
  updateGer: 4,
  bookmark: 0xb0,
} as const;
/** One of the entry types of an old stream. */
export type LegacyEntryType = (typeof LegacyEntryType)[keyof typeof LegacyEntryType];

/** What a bookmark points at. */
export const BookmarkType = { unspecified: 0, batch: 1, l2Block: 2 } as const;

/** How a batch came about. */
export const BatchType = { unspecified: 0, regular: 1, forced: 2, injected: 3, invalid: 4 } as const;
