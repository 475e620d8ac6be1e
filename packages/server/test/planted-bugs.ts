// Guards of the server, each of which is removed in turn: what is left must be caught by the histories. The text to be
// replaced stands exactly once in its file, or the test fails: so this list moves with the code.

export interface PlantedBug {
  readonly bug: string;
  /** File in `src`, of the server unless another package is named. */
  readonly file: string;
  readonly package?: 'stream-file' | 'codec';
  readonly find: string;
  readonly replace: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    bug: 'a commit during a catch-up starts a second read from the same place, so entries are sent twice',
    file: 'clients/client-connection.ts',
    find: 'if (this.#reading || this.peer.finishing',
    replace: 'if (this.peer.finishing',
  },
  {
    bug: 'a client at the tip is not told of a commit',
    file: 'clients/local-clients.ts',
    find: 'client.announced();',
    replace: 'void client;',
  },
  {
    bug: 'a client that was sent what is cut off is not disconnected',
    file: 'clients/local-clients.ts',
    find: 'client.truncated(length);',
    replace: 'void client;',
  },
  {
    bug: 'entries are sent before they are durable',
    package: 'stream-file',
    file: 'commits/writer.ts',
    find: 'this.#writing = group;',
    replace: 'this.#writing = group; store.advance(end); this.#parts.events.committed();',
  },
  {
    bug: 'a commit is acknowledged to the source before it is durable',
    file: 'sources/source-connection.ts',
    find: 'file.commitAtomicOpFor(new CommitAnswer(this, ticket));',
    replace:
      'file.commitAtomicOpFor({ committed: () => undefined, refused: () => undefined }); this.answer(ticket);',
  },
  {
    bug: 'the operation of a source that is lost is committed',
    file: 'sources/source-connection.ts',
    find: 'this.#ownsOperation = false;\n    try {\n      this.#context.file.rollbackAtomicOp();',
    replace:
      'this.#ownsOperation = false;\n    try {\n      void this.#context.file.commitAtomicOp().catch(() => undefined);',
  },
  {
    bug: 'the operation of a source that is lost stays open',
    file: 'sources/source-connection.ts',
    find: 'this.#gone = true;\n        this.#rollBack();',
    replace: 'this.#gone = true;',
  },
  {
    bug: 'what was read for a stream that was stopped is sent in the next one',
    file: 'clients/client-connection.ts',
    find: "if (loan && this.#session.state === 'streaming' && stream === this.#stream) this.#send(loan);",
    replace: "if (loan && this.#session.state === 'streaming' && stream !== undefined) this.#send(loan);",
  },
  {
    bug: 'a Stop is read when the backlog has been taken',
    file: 'clients/client-connection.ts',
    find: "while (!this.#querying && (this.#session.state === 'streaming' || !this.#backlogged)) {",
    replace:
      "while (!this.#querying && (this.#session.state !== 'streaming' || this.#cursor >= this.#context.tail.announced)) {",
  },
  {
    bug: 'a client whose socket has drained is not sent more',
    file: 'ports/peer-socket.ts',
    find: 'if (!this.finishing) this.#events.taken();',
    replace: '',
  },
  {
    bug: 'a client that is gone is sent the rest of the stream',
    file: 'ports/peer-socket.ts',
    find: 'return this.#finishing || this.#socket.destroyed;',
    replace: 'return this.#finishing;',
  },
  {
    bug: 'a Start beyond the end is accepted',
    file: 'clients/client-connection.ts',
    find: 'if (offset === undefined || offset > file.committedLength) return false;\n    this.#cursor = offset;',
    replace: 'this.#cursor = offset ?? file.committedLength;',
  },
  {
    bug: 'a bookmark starts the stream behind its own entry',
    file: 'clients/client-connection.ts',
    find: 'this.#seek(entry)',
    replace: 'this.#seek(entry + 1n)',
  },
  {
    bug: 'memory that is on its way to a client is used for another page',
    package: 'stream-file',
    file: 'pages/page-store.ts',
    find: 'if (oldest.borrowers === 0) this.#reuse(oldest);',
    replace: 'this.#reuse(oldest);',
  },
  {
    bug: 'an entry is looked up beside the one that was asked for',
    file: 'clients/client-connection.ts',
    find: 'file.getEntryBytes(query.entryNumber)',
    replace: 'file.getEntryBytes(query.entryNumber ^ 1n)',
  },
];
