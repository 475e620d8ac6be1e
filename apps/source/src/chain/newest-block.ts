/** Finds the newest block of a stream, as any consumer of it would: through a server's port for clients. */

import { formatAddress, type Address, type ConnectAccess } from '@ds/app-kit';
import { StreamClient } from '@ds/client';
import type { Entry } from '@ds/codec';
import { blockBookmark, decodePayload, EntryType } from '@ds/zkevm';
import { FeedError } from '../errors.js';
import type { LastBlock } from './block-sequence.js';

export interface StreamPlace {
  /** A server's port for clients. */
  readonly server: Address;
  /** What it is shown, and how it is spoken to. */
  readonly access: ConnectAccess;
  readonly systemId: bigint;
  readonly streamType: bigint;
  /** Entries that the source says the stream has. */
  readonly totalEntries: bigint;
}

const blockEntryTypes = new Set<number>([EntryType.l2Block, EntryType.transaction, EntryType.l2BlockEnd]);

/**
 * The newest block of a stream; undefined when it has none.
 *
 * @throws {FeedError} `no-resume` when the server has another stream than the source, or not all of it
 * @throws {ClientError} when it can't be asked
 */
export async function newestBlock(place: StreamPlace): Promise<LastBlock | undefined> {
  const { access, server, streamType } = place;
  await using client = new StreamClient({ server, streamType, ...access });
  const { totalEntries, systemId } = await client.header();
  if (systemId !== place.systemId || totalEntries !== place.totalEntries) {
    throw cannotResume(
      place,
      `it has system id ${systemId} and ${totalEntries} entries, and the stream that is written ` +
        `has ${place.systemId} and ${place.totalEntries}; name a server that is fed`,
    );
  }
  for (let number = totalEntries - 1n; number >= 0n; number--) {
    const found = blockOrItsNumber(await client.entry(number));
    if (typeof found !== 'bigint') {
      if (found) return found;
      continue;
    }
    const block = blockOrItsNumber(await client.bookmark(blockBookmark(found)));
    if (typeof block === 'object' && block.number === found) return block;
    throw cannotResume(place, `block ${found} ends in entry ${number}, but can't be found by its bookmark`);
  }
  return undefined;
}

/** A block, or the number of the block that an entry belongs to; undefined for entries beside blocks. */
function blockOrItsNumber(entry: Entry | undefined): LastBlock | bigint | undefined {
  if (!entry || !blockEntryTypes.has(entry.type)) return undefined;
  const payload = decodePayload(entry.type, entry.data);
  switch (payload.kind) {
    case 'l2Block':
      return payload;
    case 'l2BlockEnd':
      return payload.number;
    case 'transaction':
      return payload.l2BlockNumber;
    default:
      return undefined;
  }
}

function cannotResume({ server }: StreamPlace, problem: string): FeedError {
  return new FeedError('no-resume', `can't resume from ${formatAddress(server)}: ${problem}`);
}
