// A server in a simulated world: its disk, its network and its clock. It can be closed and started again, and lose power.
import { StreamFile } from '@ds/stream-file';
import { SimulatedNetwork, type Random } from '@ds/test-kit';

import { identity } from '../../../stream-file/test/bytes.js';
import { SimulatedBookmarks } from '../../../stream-file/test/simulated-bookmarks.js';
import { SimulatedDisk } from '../../../stream-file/test/simulated-disk.js';
import { StreamServer } from '../../src/index.js';
import { StreamTruth } from './stream-truth.js';
import { TestClient } from './test-client.js';

const PATH = '/data/stream.bin';
const CLIENTS = { host: '10.0.0.9', port: 6900 };
const SOURCES = { host: '10.0.0.9', port: 6901 };

/** Small, so that pages, buffers and limits are met all the time. */
export const PAGE_BYTES = 256;

export class World {
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly truth: StreamTruth;
  /** Rejects with the first thing that is wrong. */
  readonly failed: Promise<never>;
  file!: StreamFile;
  server!: StreamServer;
  disk = new SimulatedDisk();
  #isCalm = false;
  #bookmarks = new SimulatedBookmarks();
  #fail: (error: Error) => void = () => undefined;

  private constructor(random: Random) {
    this.random = random;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
    this.network = new SimulatedNetwork(random, {
      delayMsMax: random.pick([1, 5, 20]),
      pieceBytesMax: random.pick([60, 300, 1_000]),
      heldBytesMax: random.pick([100, 700, 3_000]),
      writtenInVain: () => {
        this.fail(new Error('the server goes on writing to a connection that is gone'));
      },
    });
    this.truth = new StreamTruth(PAGE_BYTES, this.fail);
  }

  static async start(random: Random): Promise<World> {
    const world = new World(random);
    await world.#open();
    return world;
  }

  /** Ends the history: something was wrong. */
  readonly fail = (error: Error): void => {
    this.#fail(error);
  };

  /** Whether there are no faults and no breaks of connections any more: everything must come right. */
  get isCalm(): boolean {
    return this.#isCalm;
  }

  calmDown(): void {
    this.#isCalm = true;
  }

  connect(): TestClient {
    const host = `10.0.1.${this.random.integer(1, 3)}`;
    return new TestClient(this.network.connect(CLIENTS, host), this.truth, this.fail);
  }

  connectSource(): ReturnType<SimulatedNetwork['connect']> {
    return this.network.connect(SOURCES);
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Closes the server and its file, and starts them again. */
  async restart(): Promise<void> {
    await this.server.close();
    this.disk.fault = undefined;
    await this.file.close().catch(() => undefined);
    // What a recovery does step by step is no state of the stream.
    this.disk.onChange = undefined;
    await this.#open();
  }

  /** Power is cut and comes back: what was not durable may be gone. */
  async losePower(): Promise<void> {
    this.disk.onChange = undefined;
    const probability = this.random.pick([0, 0.5, 1]);
    const keep = (): boolean => this.random.chance(probability);
    const { disk, server, file } = this;
    this.disk = disk.afterPowerCut(keep);
    this.#bookmarks = this.#bookmarks.afterPowerCut(keep);
    for (const link of this.network.links) link.cut();
    // What ran there is gone; its timers are stopped so that it is still.
    disk.fault = () => ({ code: 'EIO' });
    await server.close();
    await file.close().catch(() => undefined);
    await this.#open();
  }

  async #open(): Promise<void> {
    this.disk.fault = undefined;
    const delayMsMax = this.random.pick([1, 4, 30]);
    this.disk.delay = () => this.pass(this.random.next() * delayMsMax);
    this.file = await StreamFile.open(PATH, {
      create: identity,
      pageBytes: PAGE_BYTES,
      cachePages: this.random.integer(0, 3),
      windowBytes: 500,
      disk: this.disk,
      openBookmarkStore: this.#bookmarks.open,
    });
    this.truth.watch(this.disk, PATH);
    this.server = await StreamServer.start({
      file: this.file,
      clients: CLIENTS,
      source: SOURCES,
      listen: this.network.listen,
      limits: {
        sendBytesMax: this.random.pick([1, 300, 2_000]),
        stallMs: 5_000,
        closeMs: 100,
        clientsMax: 50,
      },
    });
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.file.close();
  }
}
