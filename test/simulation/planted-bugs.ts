// Guards of the packages, each of which is removed in turn: what is left must be caught by the histories. The text to be
// replaced stands exactly once in its file, or the test fails: so this list moves with the code.

export interface PlantedBug {
  readonly bug: string;
  readonly package: 'client' | 'relay' | 'server' | 'source' | 'stream-file';
  /** File in the package's `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    bug: 'a source sends again what it has not seen acknowledged, whatever the server says that it has',
    package: 'source',
    file: 'servers/server-link.ts',
    find: 'const next = log.find(header.totalEntries, this.#acknowledged, this.#unsent);',
    replace: 'const next = this.#acknowledged < 0 ? undefined : this.#acknowledged;',
  },
  {
    bug: 'a source does not say which number an operation must get',
    package: 'source',
    file: 'stream-source.ts',
    find: 'encoder.finish(firstEntry)',
    replace: 'encoder.finish(2n ** 64n - 1n)',
  },
  {
    bug: 'an operation is sent before it is durable in the outbox',
    package: 'source',
    file: 'outbox/outbox-queue.ts',
    find: 'await outbox.commitAtomicOp();',
    replace: 'void outbox.commitAtomicOp().catch(() => undefined);',
  },
  {
    bug: 'a truncation is done once enough servers have it',
    package: 'source',
    file: 'servers/server-group.ts',
    find: 'return needsAll && acknowledged.some((number) => number < end) ? end - 1 : enough;',
    replace: 'return needsAll ? enough : enough;',
  },
  {
    bug: 'an operation that is being sent shares its memory with the next one',
    package: 'source',
    file: 'stream-source.ts',
    find: 'this.#arena.copy(encoder.finish(firstEntry))',
    replace: 'encoder.finish(firstEntry)',
  },
  {
    bug: 'servers that are fed from the outbox share an encoder',
    package: 'source',
    file: 'outbox/outbox-reader.ts',
    find: 'const encoder = new OperationEncoder(this.#streamType);',
    replace:
      'const shared = OutboxReader as unknown as { encoder?: OperationEncoder };\n' +
      '    const encoder = (shared.encoder ??= new OperationEncoder(this.#streamType));\n' +
      '    encoder.clear();',
  },
  {
    bug: 'an operation is acknowledged when the first server has it',
    package: 'source',
    file: 'servers/server-group.ts',
    find: 'acknowledged[this.#required - 1]',
    replace: 'acknowledged[0]',
  },
  {
    bug: 'commits wait for a server that is left out',
    package: 'source',
    file: 'servers/server-group.ts',
    find: 'return this.#links.filter((link) => !link.leftOut);',
    replace: 'return this.#links;',
  },
  {
    bug: 'a server that is behind is left out while all that it lacks is kept',
    package: 'source',
    file: 'servers/server-group.ts',
    find: '> this.#options.keptBytesMax && log.first',
    replace: '> 0 && log.first',
  },
  {
    bug: 'a source that is fenced tries again for ever',
    package: 'source',
    file: 'servers/server-link.ts',
    find: "code === 'fenced' ||",
    replace: '',
  },
  {
    bug: 'a source that chooses its epoch keeps it over its connections',
    package: 'source',
    file: 'servers/server-link.ts',
    find: 'if (this.#options.ownsEpoch) this.#epoch++;',
    replace: '',
  },
  {
    bug: 'a source with a lower epoch is let in',
    package: 'server',
    file: 'sources/source-gate.ts',
    find: 'if (epoch < highest) {',
    replace: 'if (epoch < 0n) {',
  },
  {
    bug: 'a source that another one takes over from keeps its connection',
    package: 'server',
    file: 'sources/source-gate.ts',
    find: 'evicted.evict(result(ResultCode.epochFenced, `A source with epoch ${epoch} has taken over`));',
    replace: 'void evicted;',
  },
  {
    bug: 'a connection takes over from another one with the same epoch',
    package: 'server',
    file: 'sources/source-gate.ts',
    find: 'if (epoch === this.#current.epoch) {',
    replace: 'if (epoch < 0n) {',
  },
  {
    bug: 'the epoch of a source is not kept',
    package: 'server',
    file: 'sources/source-gate.ts',
    find: 'await this.#file.raiseEpoch(epoch);',
    replace: 'await Promise.resolve();',
  },
  {
    bug: 'a server takes an operation whatever number it must get',
    package: 'server',
    file: 'sources/source-connection.ts',
    find: 'expectedEntry !== ANY_ENTRY && expectedEntry !== file.nextEntry',
    replace: 'expectedEntry !== ANY_ENTRY && expectedEntry < 0n',
  },
  {
    bug: 'the operation of a source that is lost is committed',
    package: 'server',
    file: 'sources/source-connection.ts',
    find: 'this.#ownsOperation = false;\n    try {\n      this.#context.file.rollbackAtomicOp();',
    replace:
      'this.#ownsOperation = false;\n    try {\n      void this.#context.file.commitAtomicOp().catch(() => undefined);',
  },
  {
    bug: 'a client that was sent what is cut off is not told',
    package: 'server',
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
    bug: 'a client goes on without looking whether the entry before is the same',
    package: 'client',
    file: 'following/batches.ts',
    find: "const overlaps = typeof from === 'bigint' && from > 0n && track.knowsLast;",
    replace: 'const overlaps = false;',
  },
  {
    bug: 'a client that is beyond the end waits there',
    package: 'client',
    file: 'following/batches.ts',
    find: "if (typeof from === 'bigint' && from > header.totalEntries) {",
    replace: "if (typeof from === 'bigint' && from < 0n) {",
  },
  {
    bug: 'the position is that of a batch whose entries are not all handed out',
    package: 'client',
    file: 'following/following.ts',
    find: 'if (!this.#batch || !identity || this.#index === this.#batch.count) return this.#batches.position;',
    replace: 'if (this.#index >= 0) return this.#batches.position;',
  },
  {
    bug: 'entries are handed out in memory that is used again',
    package: 'client',
    file: 'following/batches.ts',
    find: 'if (!reuseBuffer) batch = batch.copy();',
    replace: '',
  },
  {
    bug: 'a relay keeps as many entries as its upstream has, without comparing them',
    package: 'relay',
    file: 'agreement.ts',
    find: 'await commonPrefix(file, entriesOf(client), smaller(entries, header.totalEntries))',
    replace: 'smaller(entries, header.totalEntries)',
  },
  {
    bug: 'a relay that is to start with an empty file keeps the one that it has',
    package: 'relay',
    file: 'agreement.ts',
    find: 'await StreamFile.remove(path, options.file);',
    replace: '',
  },
  {
    bug: 'a relay that comes back to an upstream does not compare',
    package: 'relay',
    file: 'relay.ts',
    find: 'if (!(await agrees(this.#file, upstreams, signal))) await',
    replace: 'if (!(await Promise.resolve(true))) await',
  },
];
