/**
 * The machine of the source and its application. When the program starts, it looks where the stream ends, and goes on from
 * there. Another machine can take over while this one runs on: it must notice, and nothing that it still does may come in.
 */
import { SourceError, StreamSource, type StreamSourceOptions } from '@ds/source';
import { StreamFileError, type StreamFile } from '@ds/stream-file';

import { Application } from './application.js';
import { Machine, type Ending, type Volume } from './machine.js';
import type { EntryNode } from './stream-tree.js';
import type { World } from './world.js';

export interface SourceSettings {
  readonly hasOutbox: boolean;
  readonly quorum: 'all' | 'any' | number;
  readonly windowBytes: number;
  readonly keptBytesMax: number;
}

/** How long a program takes to start, at least: so the times that are epochs differ. */
const STARTING_MS = 50;

interface Program {
  /** The epoch that it is given. */
  readonly given: bigint | undefined;
  /** The one that it begins with. */
  epoch?: bigint;
  readonly ending: AbortController;
  source?: StreamSource;
  outbox?: StreamFile;
}

export class SourceMachine extends Machine {
  readonly #settings: SourceSettings;
  #program: Program | undefined;
  #isSuperseded = false;

  constructor(world: World, settings: SourceSettings, volume?: Volume) {
    super(world, `source${world.superseded.length}`, [], volume);
    this.#settings = settings;
  }

  get isUp(): boolean {
    return this.#program !== undefined;
  }

  /** Another machine is the source now, whether this one knows it or not. */
  get isSuperseded(): boolean {
    return this.#isSuperseded;
  }

  /** Starts the program, which runs until it is ended. */
  start(): void {
    const program: Program = { given: this.world.nextEpoch(), ending: new AbortController() };
    this.#program = program;
    this.#run(program).catch((error: unknown) => {
      if (program.ending.signal.aborted) return;
      if (!this.#isPassing(error)) this.world.check.failed(error);
      // As whatever looks after programs does, it is started again.
      else this.crash('kill');
    });
  }

  crash(ending: Ending): void {
    const program = this.#program;
    if (!program) return;
    this.#program = undefined;
    program.ending.abort();
    this.end(ending);
    void program.source
      ?.abort()
      .then(() => program.outbox?.close())
      .catch(() => undefined);
  }

  /** The machine that takes over, with this one's disk; this one runs on, and may be cut off from all others. */
  succeed(): SourceMachine {
    const { random } = this.world;
    this.#isSuperseded = true;
    if (random.chance(0.3)) this.isolate();
    const volume = this.takeVolume(random.pick(['kill', 'power cut'] as const));
    return new SourceMachine(this.world, this.#settings, volume);
  }

  /** Whether an error is none of the stream's. */
  #isPassing(error: unknown): boolean {
    const isOutboxGone = this.#isSuperseded && this.#settings.hasOutbox;
    if (error instanceof StreamFileError) return isOutboxGone;
    if (!(error instanceof SourceError)) return false;
    if (error.code === 'outbox') return isOutboxGone;
    return error.code === 'no-server' || (error.code === 'fenced' && this.#isSuperseded);
  }

  /** The last entry of the stream that is to be continued with this number. */
  #entryBefore(nextEntry: bigint): EntryNode | undefined {
    const { servers, canFork } = this.world;
    if (this.#settings.hasOutbox) return this.durable.entries.last.back(Number(nextEntry) - 1);
    // With an end of its own a server may have more than the others that were reached.
    const files = servers.map(({ durable }) => durable.entries);
    const last = canFork ? files.find(({ length }) => BigInt(length) === nextEntry)?.last : files[0]?.last;
    return last?.back(Number(nextEntry) - 1);
  }

  async #run(program: Program): Promise<void> {
    const { world } = this;
    const { check } = world;
    const { given, ending } = program;
    const { hasOutbox, ...settings } = this.#settings;
    const { connect } = this.network;
    const outbox = hasOutbox ? await this.openFile(() => program.epoch) : undefined;
    if (outbox) program.outbox = outbox;
    await world.pass(STARTING_MS);
    // One that is superseded before it has begun has nothing to be told.
    if (ending.signal.aborted) return;
    if (this.#isSuperseded) {
      this.crash('kill');
      return;
    }
    const epoch = given ?? BigInt(Date.now());
    program.epoch = epoch;
    check.begins(epoch, outbox ? this.durable.entries.last : check.tree.root);
    const options: StreamSourceOptions = {
      ...settings,
      ...(outbox && { outbox }),
      ...(given !== undefined && { epoch: given }),
      servers: world.servers.map((server) => server.source),
      systemId: world.identity.systemId,
      connectMs: 1_000,
      answerMs: 3_000,
      openMs: 60_000,
      retry: { firstMs: 20, longestMs: 1_000 },
      dial: (address, connected) => {
        const socket = connect(address).setKeepAlive(true, 30_000).once('connect', connected);
        world.sourceLinks.push(socket.link);
        return socket;
      },
      onServerState: (state) => {
        if (state.kind !== 'left-out' || ending.signal.aborted) return;
        if (this.#isSuperseded && state.error.code === 'fenced') return;
        const server = world.servers.find(({ name }) => state.server.startsWith(`${name}:`));
        check.leftOut(server!.durable, state.error);
      },
    };
    const source = await StreamSource.open(options, { signal: ending.signal });
    program.source = source;
    const last = this.#entryBefore(source.nextEntry);
    if (last && world.canFork) {
      // The application knows what it has been told: the servers that have it are not there, or not yet.
      const { lastAcknowledged } = check;
      if (lastAcknowledged.number >= 0 && !lastAcknowledged.isIn(last)) {
        this.crash('kill');
        return;
      }
      check.continuesWith(last);
    }
    // Where a newer source has cut the stream meanwhile, it is this one that comes too late.
    if (!last && !this.isSuperseded)
      throw new Error(`the stream is said to have ${source.nextEntry} entries`);
    check.begins(epoch, last ?? check.tree.root);
    const application = new Application(world, {
      source,
      epoch,
      outbox: outbox && this.durable,
      isSuperseded: () => this.#isSuperseded,
      isEnded: () => ending.signal.aborted,
    });
    await application.run(last);
  }
}
