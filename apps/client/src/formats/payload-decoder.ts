/**
 * Decodes payloads of a stream whose style nobody has told. The first bookmark tells it; until then both styles are
 * tried, newer first. A stream whose bookmark is of neither style carries something else, which is nobody's to decode.
 */

import { BOOKMARK_ENTRY_TYPE, type Entry } from '@ds/codec';
import {
  decodeLegacyPayload,
  decodePayload,
  payloadStyle,
  ZkevmError,
  type LegacyPayload,
  type Payload,
} from '@ds/zkevm';

type Decode = (entryType: number, data: Uint8Array) => Payload | LegacyPayload;

const decoders = { protobuf: decodePayload, legacy: decodeLegacyPayload } as const;
const eitherStyle: readonly Decode[] = [decodePayload, decodeLegacyPayload];

export class PayloadDecoder {
  #decoders: readonly Decode[] = eitherStyle;

  /** An entry's payload; undefined when it is none of a zkEVM stream. Entries are given in stream order. */
  decode({ type, data }: Entry): Payload | LegacyPayload | undefined {
    if (type === BOOKMARK_ENTRY_TYPE && this.#decoders === eitherStyle) this.#learn(data);
    // Nothing is a valid message of every protobuf type.
    if (data.length === 0 && this.#decoders === eitherStyle) return undefined;
    for (const decode of this.#decoders) {
      const payload = attempt(() => decode(type, data));
      if (payload) return payload;
    }
    return undefined;
  }

  #learn(bookmark: Uint8Array): void {
    const style = attempt(() => payloadStyle(bookmark));
    this.#decoders = style === undefined ? [] : [decoders[style]];
  }
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ZkevmError) return undefined;
    throw error;
  }
}
