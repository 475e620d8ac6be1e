/** What keeps a feed from going on. */

export type FeedErrorCode =
  /** The input can't be read, or holds something that is no operation or block. */
  | 'bad-input'
  /** A block does not follow the one before it, in the stream or in the input. */
  | 'chain-broken'
  /** It can't be told where in the stream to go on. */
  | 'no-resume'
  /** The node does not answer, or not as a node does. */
  | 'node'
  /** Servers have not taken, or not acknowledged, what they should have. */
  | 'unacknowledged';

/** The one error class of this app; the message says where, and what to do. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
  readonly code: FeedErrorCode;

  constructor(code: FeedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
