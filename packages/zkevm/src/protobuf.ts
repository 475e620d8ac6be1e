/**
 * Payloads of protobuf streams to bytes and back. The generated message types stay inside this file; what goes
 * in and out are the plain objects of `payloads.ts`.
 *
 * Fields of a newer schema are ignored on decoding: whoever passes entries on passes on their bytes.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { EntryType } from './entry-types.js';
import { ZkevmError } from './errors.js';
import * as schema from './generated/datastream_pb.js';
import type { EncodedEntry, Payload, PayloadInit } from './payloads.js';
import { checkWire } from './wire-check.js';

/**
 * Decodes the data of one entry of a protobuf stream.
 * @returns a plain object whose byte fields are views of `data`
 * @throws ZkevmError `unknown-entry-type` or `malformed`
 */
export function decodePayload(entryType: number, data: Uint8Array): Payload {
  switch (entryType) {
    case EntryType.bookmark: {
      const { type, value } = decode(schema.BookMarkSchema, entryType, data);
      return { kind: 'bookmark', type, value };
    }
    case EntryType.batchStart: {
      const { number, type, forkId, chainId, debug } = decode(schema.BatchStartSchema, entryType, data);
      return { kind: 'batchStart', number, type, forkId, chainId, ...note(debug) };
    }
    case EntryType.batchEnd: {
      const { number, localExitRoot, stateRoot, debug } = decode(schema.BatchEndSchema, entryType, data);
      return { kind: 'batchEnd', number, localExitRoot, stateRoot, ...note(debug) };
    }
    case EntryType.l2Block: {
      const block = decode(schema.L2BlockSchema, entryType, data);
      return {
        kind: 'l2Block',
        number: block.number,
        batchNumber: block.batchNumber,
        timestamp: block.timestamp,
        deltaTimestamp: block.deltaTimestamp,
        minTimestamp: block.minTimestamp,
        l1BlockHash: block.l1Blockhash,
        l1InfoTreeIndex: block.l1InfotreeIndex,
        hash: block.hash,
        stateRoot: block.stateRoot,
        globalExitRoot: block.globalExitRoot,
        coinbase: block.coinbase,
        blockGasLimit: block.blockGasLimit,
        blockInfoRoot: block.blockInfoRoot,
        baseFee: block.baseFee,
        ...note(block.debug),
      };
    }
    case EntryType.l2BlockEnd: {
      const { number } = decode(schema.L2BlockEndSchema, entryType, data);
      return { kind: 'l2BlockEnd', number };
    }
    case EntryType.transaction: {
      const transaction = decode(schema.TransactionSchema, entryType, data);
      return {
        kind: 'transaction',
        l2BlockNumber: transaction.l2blockNumber,
        index: transaction.index,
        isValid: transaction.isValid,
        encoded: transaction.encoded,
        effectiveGasPricePercentage: transaction.effectiveGasPricePercentage,
        imStateRoot: transaction.imStateRoot,
        ...note(transaction.debug),
      };
    }
    case EntryType.updateGer: {
      const update = decode(schema.UpdateGERSchema, entryType, data);
      return {
        kind: 'updateGer',
        batchNumber: update.batchNumber,
        timestamp: update.timestamp,
        globalExitRoot: update.globalExitRoot,
        coinbase: update.coinbase,
        forkId: update.forkId,
        chainId: update.chainId,
        stateRoot: update.stateRoot,
        ...note(update.debug),
      };
    }
    default:
      throw new ZkevmError('unknown-entry-type', `a protobuf stream has only ${knownTypes}`, { entryType });
  }
}

/**
 * Encodes a payload of a protobuf stream. Fields that are zero, empty or left out take no bytes.
 * @throws ZkevmError `invalid-value` when a value does not fit its field
 */
export function encodePayload(payload: PayloadInit): EncodedEntry {
  switch (payload.kind) {
    case 'bookmark':
      return encode(EntryType.bookmark, schema.BookMarkSchema, payload);
    case 'batchStart':
      return encode(EntryType.batchStart, schema.BatchStartSchema, payload);
    case 'batchEnd':
      return encode(EntryType.batchEnd, schema.BatchEndSchema, payload);
    case 'l2Block': {
      const { l1BlockHash: l1Blockhash, l1InfoTreeIndex: l1InfotreeIndex, ...same } = payload;
      return encode(EntryType.l2Block, schema.L2BlockSchema, { ...same, l1Blockhash, l1InfotreeIndex });
    }
    case 'l2BlockEnd':
      return encode(EntryType.l2BlockEnd, schema.L2BlockEndSchema, payload);
    case 'transaction': {
      const { l2BlockNumber: l2blockNumber, ...same } = payload;
      return encode(EntryType.transaction, schema.TransactionSchema, { ...same, l2blockNumber });
    }
    case 'updateGer':
      return encode(EntryType.updateGer, schema.UpdateGERSchema, payload);
  }
}

const knownTypes = Object.entries(EntryType)
  .map(([name, type]) => `${type} ${name}`)
  .join(', ');

function decode<T extends DescMessage>(message: T, entryType: number, data: Uint8Array): MessageShape<T> {
  checkWire(message, data, entryType);
  return fromBinary(message, data, { readUnknownFields: false });
}

const note = (debug: schema.Debug | undefined): { debug?: string } =>
  debug === undefined ? {} : { debug: debug.message };

/** The fields of a message as the surface has them: optional, enumerations as numbers, the note as a string. */
type Fields<M extends Message> = {
  readonly [K in Exclude<keyof M, keyof Message>]?:
    (M[K] extends number ? number : M[K] extends schema.Debug | undefined ? string : M[K]) | undefined;
};

function encode<T extends DescMessage>(
  type: number,
  message: T,
  { debug, ...fields }: Fields<MessageShape<T>> & { readonly debug?: string | undefined },
): EncodedEntry {
  const values: Record<string, unknown> = {
    ...fields,
    ...(debug === undefined ? {} : { debug: { message: debug } }),
  };
  try {
    return { type, data: toBinary(message, create(message, values as never)) };
  } catch (cause) {
    const field = message.fields.find(({ localName }) => !fits(message, { [localName]: values[localName] }));
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ZkevmError('invalid-value', `the value does not fit (${reason})`, {
      entryType: type,
      ...(field === undefined ? {} : { field: field.name }),
      cause,
    });
  }
}

function fits(message: DescMessage, value: Record<string, unknown>): boolean {
  try {
    toBinary(message, create(message, value as never));
    return true;
  } catch {
    return false;
  }
}
