/** What is wrong with the bytes, or with a value that was to become bytes. */
export type CodecErrorCode =
  /** A value does not fit its field. */
  | 'out-of-range'
  /** A client command or source message with a number that this protocol does not have. */
  | 'unknown-command'
  /** A command or message for another stream type. */
  | 'wrong-stream-type'
  /** A bookmark that is empty or longer than 16 bytes. */
  | 'bookmark-length'
  /** A token longer than the protocol's limit. */
  | 'token-length'
  /** An entry that does not fit a page. */
  | 'entry-too-large'
  /** A first byte that starts no packet of this protocol. */
  | 'unknown-packet'
  /** A length field that the packet cannot have. */
  | 'packet-length'
  /** Entries whose numbers are not consecutive. */
  | 'sequence';

/** The one error class of this package: bytes from a peer or a file, or a value to be encoded, break the format. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
