/**
 * The machine of the source and its application. When the program starts, it looks where the stream ends, and goes on with
 * the operation that comes next.
 */
import { SourceError, StreamSource, type StreamSourceOptions } from '@ds/source';
import type { StreamFile } from '@ds/stream-file';

import { Machine, type Ending } from './machine.js';
import type { World } from './world.js';

export interface SourceSettings {
  readonly hasOutbox: boolean;
  readonly quorum: 'all' | 'any' | number;
  readonly windowBytes: number;
  readonly keptBytesMax: number;
}

interface Program {
  stop: boolean;
  readonly ending: AbortController;
  source?: StreamSource;
  outbox?: StreamFile;
}

export class SourceMachine extends Machine {
  readonly #settings: SourceSettings;
  #program: Program | undefined;

  constructor(world: World, settings: SourceSettings) {
    super(world, [5000]);
    this.#settings = settings;
  }

  get isUp(): boolean {
    return this.#program !== undefined;
  }

  /** Starts the program, which runs until it has nothing to do any more, or is ended. */
  start(): void {
    const program: Program = { stop: false, ending: new AbortController() };
    this.#program = program;
    this.#run(program).catch((error: unknown) => {
      const isPassing =
        error instanceof SourceError && ['no-server', 'fenced', 'closed'].includes(error.code);
      if (program.stop) return;
      if (!isPassing || error.code === 'closed') this.world.check.failed(error);
      // As whatever looks after programs does, it is started again.
      else this.crash('kill');
    });
  }

  crash(ending: Ending): void {
    const program = this.#program;
    if (!program) return;
    this.#program = undefined;
    program.stop = true;
    program.ending.abort();
    this.end(ending);
    void program.source
      ?.abort()
      .then(() => program.outbox?.close())
      .catch(() => undefined);
  }

  async #run(program: Program): Promise<void> {
    const { world } = this;
    const { hasOutbox, ...settings } = this.#settings;
    const { connect } = this.network;
    const outbox = hasOutbox ? await this.openFile() : undefined;
    if (outbox) program.outbox = outbox;
    const options: StreamSourceOptions = {
      ...settings,
      ...(outbox && { outbox }),
      servers: world.servers.map((server) => server.source),
      systemId: world.identity.systemId,
      connectMs: 1_000,
      answerMs: 3_000,
      openMs: 60_000,
      retry: { firstMs: 20, longestMs: 1_000 },
      dial: (address, connected) => connect(address).setKeepAlive(true, 30_000).once('connect', connected),
      onServerState: (state) => {
        if (state.kind === 'left-out' && !program.stop) world.check.leftOut(state.error);
      },
    };
    const source = await StreamSource.open(options, { signal: program.ending.signal });
    program.source = source;
    const { operations } = world.expected;
    const commits: Promise<unknown>[] = [];
    for (let next = world.expected.nextAfter(source.nextEntry); next < operations.length; next++) {
      if (world.random.chance(0.2)) await world.pass(world.random.integer(0, 50));
      if (program.stop) return;
      using op = await source.startAtomicOp();
      for (const { type, data } of operations[next]!) {
        if (type === 0xb0) op.addBookmark(data);
        else op.addEntry(type, data);
      }
      commits.push(
        op.commit().then(({ firstEntry, nextEntry }) => {
          if (!program.stop) world.check.acknowledged(next, firstEntry, nextEntry);
        }),
      );
      void commits.at(-1)?.catch(() => undefined);
    }
    await Promise.all(commits);
    if (!program.stop) world.check.allAcknowledged();
  }
}
