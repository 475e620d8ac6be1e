/** A server's machine: whatever is done to it, its stream is the beginning of the expected one. */
import { StreamServer } from '@ds/server';
import type { StreamFile } from '@ds/stream-file';

import { Machine, type Ending } from './machine.js';
import type { World } from './world.js';

export class ServerMachine extends Machine {
  readonly #index: number;
  #running: { readonly file: StreamFile; readonly server: StreamServer } | undefined;
  #isUp = false;

  constructor(world: World, index: number) {
    super(world, [6900 + 10 * index, 6901 + 10 * index]);
    this.#index = index;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get clients(): { host: string; port: number } {
    return { host: `server${this.#index}`, port: this.ports[0]! };
  }

  get source(): { host: string; port: number } {
    return { host: `server${this.#index}`, port: this.ports[1]! };
  }

  get totalEntries(): bigint {
    return this.#running?.file.header.totalEntries ?? 0n;
  }

  async start(): Promise<void> {
    this.#isUp = true;
    const file = await this.openFile();
    this.world.check.fileReopened(this.#index, file.header.totalEntries);
    file.listen({
      committed: () => {
        this.world.check.committed(this.#index, file.header.totalEntries);
      },
      truncated: () => undefined,
    });
    const { listen } = this.network;
    const server = await StreamServer.start({ file, clients: this.clients, source: this.source, listen });
    this.#running = { file, server };
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

  /** All bytes of the stream, as they stand in the file. */
  async bytes(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const file = this.#running?.file;
    if (!file) throw new Error('the server does not run');
    let offset = (await file.offsetOf(0n)) ?? 0;
    for (let chunk = await file.read(offset, 1 << 20); chunk; chunk = await file.read(offset, 1 << 20)) {
      parts.push(chunk.bytes);
      offset = chunk.nextOffset;
    }
    return Buffer.concat(parts);
  }
}
