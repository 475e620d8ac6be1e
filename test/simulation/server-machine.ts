/** A server's machine: all that it has is what sources have asked for, and it loses nothing of that. */
import { StreamServer } from '@ds/server';
import type { StreamFile } from '@ds/stream-file';

import { Machine, type Ending } from './machine.js';
import type { World } from './world.js';

export class ServerMachine extends Machine {
  readonly clients: { readonly host: string; readonly port: number };
  readonly source: { readonly host: string; readonly port: number };
  #running: { readonly file: StreamFile; readonly server: StreamServer } | undefined;
  #isUp = false;

  constructor(world: World, index: number) {
    const name = `server${index}`;
    const ports = [6900 + 10 * index, 6901 + 10 * index] as const;
    super(world, name, ports);
    this.clients = { host: name, port: ports[0] };
    this.source = { host: name, port: ports[1] };
    world.check.servers.push(this.durable);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get totalEntries(): bigint {
    return this.#running?.file.header.totalEntries ?? 0n;
  }

  /** The highest epoch of a source that was let in. */
  get epoch(): bigint | undefined {
    return this.#running?.file.epoch;
  }

  async start(): Promise<void> {
    this.#isUp = true;
    const file = await this.openFile(({ epoch }) => epoch);
    const { listen } = this.network;
    const server = await StreamServer.start({ file, clients: this.clients, source: this.source, listen });
    this.#running = { file, server };
  }

  /** Starts anew with a copy of another server's file, which may be running. */
  async startWithCopyOf(other: ServerMachine): Promise<void> {
    this.crash('kill');
    this.adopt(other);
    await this.start();
  }

  crash(ending: Ending): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    this.#isUp = false;
    this.end(ending);
    // What is left of the program is put away; nothing of that reaches the world.
    void running.server
      .close()
      .then(() => running.file.close())
      .catch(() => undefined);
  }
}
