/** A relay's machine: what it serves is what its upstream has or had, whatever becomes of it and of its upstream. */
import type { ServerAddress } from '@ds/client';
import { StreamRelay } from '@ds/relay';
import type { SimulatedSocket } from '@ds/test-kit';

import { Machine, type Ending } from './machine.js';
import type { World } from './world.js';

interface Program {
  readonly stopping: AbortController;
  relay?: StreamRelay;
}

export class RelayMachine extends Machine {
  readonly clients: ServerAddress;
  readonly #upstream: readonly ServerAddress[];
  #program: Program | undefined;

  constructor(world: World, index: number, upstream: readonly ServerAddress[]) {
    super(world, `relay${index}`, [7900 + index]);
    this.clients = { host: this.name, port: 7900 + index };
    this.#upstream = upstream;
  }

  get isUp(): boolean {
    return this.#program !== undefined;
  }

  get totalEntries(): bigint {
    return this.#program?.relay?.header.totalEntries ?? 0n;
  }

  /** Starts the program, which waits for its upstream. */
  start(): void {
    const program: Program = { stopping: new AbortController() };
    this.#program = program;
    this.#run(program).catch((error: unknown) => {
      if (!program.stopping.signal.aborted) this.world.check.failed(error);
    });
  }

  crash(ending: Ending): void {
    const program = this.#program;
    if (!program) return;
    this.#program = undefined;
    this.end(ending);
    program.stopping.abort();
    void program.relay?.close().catch(() => undefined);
  }

  async #run(program: Program): Promise<void> {
    const { connect, listen } = this.network;
    const { isRewritten } = this.world;
    const { create: _, ...file } = this.fileOptions;
    interface DialEvents {
      readonly connected: () => void;
      readonly received: (bytes: Uint8Array) => void;
    }
    const dial = (address: ServerAddress, { connected, received }: DialEvents): SimulatedSocket =>
      connect(address).setKeepAlive(true, 5_000).once('connect', connected).on('data', received);
    program.relay = await StreamRelay.start(
      {
        upstream: this.#upstream,
        path: this.path,
        file,
        // A stream that is never rewritten never gives a relay a reason to give anything up.
        onMismatch: isRewritten ? 'truncate' : 'stop',
        clients: this.clients,
        connectMs: 1_000,
        answerMs: 3_000,
        retry: { firstMs: 50, longestMs: 1_000 },
        network: { client: { dial }, server: { listen } },
      },
      program.stopping.signal,
    );
    await program.relay.finished;
  }
}
