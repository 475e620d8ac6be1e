/** A relay's machine: what it serves is what its upstream has or had, whatever becomes of it and of its upstream. */
import type { ServerAddress } from '@ds/client';
import { StreamRelay } from '@ds/relay';
import type { SimulatedSocket } from '@ds/test-kit';

import { Machine, type Ending } from './machine.js';
import type { ServerMachine } from './server-machine.js';
import type { World } from './world.js';

interface Program {
  readonly stopping: AbortController;
  relay?: StreamRelay;
}

export class RelayMachine extends Machine {
  readonly clients: ServerAddress;
  readonly #upstream: readonly ServerMachine[] | RelayMachine;
  readonly #onMismatch: 'stop' | 'truncate' | 'restart';
  #program: Program | undefined;
  #hasStartedAnew = false;

  /** `upstream`: servers, or the relay before this one. */
  constructor(world: World, index: number, upstream: readonly ServerMachine[] | RelayMachine) {
    super(world, `relay${index}`, [7900 + index]);
    this.clients = { host: this.name, port: 7900 + index };
    this.#upstream = upstream;
    // A stream that never loses anything never gives a relay a reason to give anything up.
    const { canShrink, random } = world;
    this.#onMismatch = canShrink ? random.pick(['truncate', 'restart'] as const) : 'stop';
  }

  /** Whether it, or a relay before it, has ever begun with an empty file: so its clients may have to. */
  get hasStartedAnew(): boolean {
    const upstream = this.#upstream;
    return this.#hasStartedAnew || (upstream instanceof RelayMachine && upstream.hasStartedAnew);
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

  protected override removing(): void {
    const upstream = this.#upstream;
    const isUpstreamNew = upstream instanceof RelayMachine && upstream.hasStartedAnew;
    if (!isUpstreamNew) this.world.check.givesUp(this.name, this.entries);
    this.#hasStartedAnew = true;
  }

  async #run(program: Program): Promise<void> {
    const { connect, listen } = this.network;
    const { create: _, ...file } = this.fileOptions;
    const upstream = this.#upstream;
    interface DialEvents {
      readonly connected: () => void;
      readonly received: (bytes: Uint8Array) => void;
    }
    const dial = (address: ServerAddress, { connected, received }: DialEvents): SimulatedSocket =>
      connect(address).setKeepAlive(true, 5_000).once('connect', connected).on('data', received);
    program.relay = await StreamRelay.start(
      {
        upstream:
          upstream instanceof RelayMachine ? upstream.clients : upstream.map(({ clients }) => clients),
        path: this.path,
        file,
        onMismatch: this.#onMismatch,
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
