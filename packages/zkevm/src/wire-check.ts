/**
 * Checks an entry's bytes against its message before they are decoded, so that bad bytes are named by field and
 * offset and the decoder after it has nothing left to refuse.
 *
 * Fields that the schema does not know are allowed, if well formed. A known field of another wire type is
 * refused: a decoder would read on in the wrong place and make up values.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ZkevmError } from './errors.js';

/**
 * @param message the schema of the entry's message
 * @throws ZkevmError `malformed`, naming the first field that cannot be read
 */
export function checkWire(message: DescMessage, data: Uint8Array, entryType: number): void {
  checkRange(message, new BinaryReader(data), data.length, entryType);
}

function checkRange(message: DescMessage, reader: BinaryReader, end: number, entryType: number): void {
  while (reader.pos < end) {
    const offset = reader.pos;
    let field: DescField | undefined;
    try {
      const [number, wireType] = reader.tag();
      field = message.fields.find((known) => known.number === number);
      if (field === undefined) {
        reader.skip(wireType, number);
      } else if (wireType !== wireTypeOf(field)) {
        throw new Error(`it has wire type ${wireType}, not ${wireTypeOf(field)}`);
      } else {
        checkField(field, reader, entryType);
      }
      if (reader.pos > end) throw new RangeError('it goes on beyond the end');
    } catch (cause) {
      if (cause instanceof ZkevmError) throw cause;
      const problem = `cannot be read, the data is cut or damaged (${describe(cause)})`;
      throw new ZkevmError('malformed', problem, { entryType, offset, ...nameOf(field), cause });
    }
  }
}

function checkField(field: DescField, reader: BinaryReader, entryType: number): void {
  if (field.fieldKind === 'message') {
    const length = reader.uint32();
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError('premature EOF');
    checkRange(field.message, reader, end, entryType);
  } else if (field.scalar === ScalarType.STRING) {
    reader.string(true);
  } else if (field.scalar === ScalarType.BYTES) {
    reader.bytes();
  } else {
    reader.uint64();
  }
}

/** The schema has no fixed-width, repeated or map fields: what is not length-delimited is a varint. */
function wireTypeOf(field: DescField): WireType {
  const delimited =
    field.fieldKind === 'message' || field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  return delimited ? WireType.LengthDelimited : WireType.Varint;
}

const nameOf = (field: DescField | undefined): { field?: string } => (field ? { field: field.name } : {});

const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
