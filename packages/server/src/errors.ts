/** What went wrong with a server as a whole. What goes wrong with one peer is told to that peer, and logged. */
export type ServerErrorCode =
  /** The address cannot be listened on. */
  | 'listen'
  /** Certificate, key or authorities cannot be used. */
  | 'tls'
  /** A process that is to serve clients cannot begin. */
  | 'worker'
  /** An option that makes no sense. */
  | 'bad-option'
  /** The server is closed. */
  | 'closed';

export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;

  constructor(code: ServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
