/** Reads and writes big-endian structs, field by field. */
import { ZkevmError } from './errors.js';

/** Reads the fields of one entry in order; what is missing or left over is an error that names the place. */
export class StructReader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  readonly #entryType: number;
  #offset = 0;

  constructor(entryType: number, data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.#entryType = entryType;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(field, 1));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(field, 2));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(field, 4));
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#take(field, 8));
  }

  /** A view of the next `length` bytes. */
  bytes(field: string, length: number): Uint8Array {
    const offset = this.#take(field, length);
    return this.#data.subarray(offset, offset + length);
  }

  /** Whether all bytes are read. */
  get done(): boolean {
    return this.#offset === this.#data.length;
  }

  /** Ends the struct: nothing may be left. */
  end(): void {
    if (!this.done) this.fail(`${this.#data.length - this.#offset} bytes are left over after the last field`);
  }

  /** Refuses the data at the current place, or at the field of `width` bytes just read. */
  fail(problem: string, field?: string, width = 0): never {
    throw new ZkevmError('malformed', problem, {
      entryType: this.#entryType,
      offset: this.#offset - width,
      ...(field === undefined ? {} : { field }),
    });
  }

  #take(field: string, length: number): number {
    const offset = this.#offset;
    const left = this.#data.length - offset;
    if (left < length) this.fail(`it has ${length} bytes, but only ${left} are left`, field);
    this.#offset += length;
    return offset;
  }
}

/** Collects the fields of one entry in order; a value that does not fit is an error that names the field. */
export class StructWriter {
  readonly #entryType: number;
  readonly #bytes: number[] = [];

  constructor(entryType: number) {
    this.#entryType = entryType;
  }

  u8(field: string, value: number): this {
    return this.#integer(field, value, 1);
  }

  u16(field: string, value: number): this {
    return this.#integer(field, value, 2);
  }

  u32(field: string, value: number): this {
    return this.#integer(field, value, 4);
  }

  u64(field: string, value: bigint): this {
    return this.#integer(field, value, 8);
  }

  /** Exactly `length` bytes. */
  bytes(field: string, value: Uint8Array, length: number): this {
    if (value.length !== length) this.#fail(field, `it takes ${length} bytes, not ${value.length}`);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #integer(field: string, value: number | bigint, width: number): this {
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      this.#fail(field, `${value} is not an integer`);
    const integer = BigInt(value);
    if (BigInt.asUintN(8 * width, integer) !== integer) {
      this.#fail(field, `${value} does not fit ${width} unsigned bytes`);
    }
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      this.#bytes.push(Number((integer >> BigInt(shift)) & 0xffn));
    }
    return this;
  }

  #fail(field: string, problem: string): never {
    throw new ZkevmError('invalid-value', problem, { entryType: this.#entryType, field });
  }
}
