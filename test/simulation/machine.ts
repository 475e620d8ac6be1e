/**
 * A machine with a disk, whose program can be killed and whose power can be cut at any moment. What the program still does
 * after that happens on a disk that nobody reads any more, and on connections that are gone.
 */
import { StreamFile, type StreamFileOptions } from '@ds/stream-file';
import type { SimulatedNetwork } from '@ds/test-kit';

import { SimulatedBookmarks } from '../../packages/stream-file/test/simulated-bookmarks.js';
import { SimulatedDisk } from '../../packages/stream-file/test/simulated-disk.js';
import type { World } from './world.js';

const PATH = '/data/stream.bin';
/** Small, so that pages end all the time. */
const PAGE_BYTES = 512;

/** How a program ends. A power cut tells nobody that connections are gone. */
export type Ending = 'kill' | 'power cut';

export class Machine {
  protected readonly world: World;
  /** Ports that programs of this machine listen on. */
  readonly ports: readonly number[];
  /** The program that runs: a new one each time. */
  #life = {};
  #disk = new SimulatedDisk();
  #bookmarks = new SimulatedBookmarks();

  constructor(world: World, ports: readonly number[]) {
    this.world = world;
    this.ports = ports;
  }

  /** How the machine's stream file is opened. */
  get fileOptions(): StreamFileOptions {
    const delayMsMax = this.world.random.pick([0.1, 2, 10]);
    this.#disk.delay = () => this.world.pass(this.world.random.next() * delayMsMax);
    return {
      create: this.world.identity,
      disk: this.#disk,
      openBookmarkStore: this.#bookmarks.open,
      pageBytes: PAGE_BYTES,
    };
  }

  get path(): string {
    return PATH;
  }

  openFile(): Promise<StreamFile> {
    return StreamFile.open(this.path, this.fileOptions);
  }

  /** The network as the program that runs now sees it: it is cut off when the program has ended. */
  get network(): Pick<SimulatedNetwork, 'listen' | 'connect'> {
    const life = this.#life;
    const { network } = this.world;
    return {
      listen: (address, events) => network.listen(address, events),
      connect: (address) => {
        const socket = network.connect(address, this.name);
        if (life !== this.#life) socket.destroy();
        else this.#sockets.add(socket);
        return socket;
      },
    };
  }

  readonly #sockets = new Set<ReturnType<SimulatedNetwork['connect']>>();

  get name(): string {
    return `10.0.0.${this.ports[0] ?? 0}`;
  }

  /** Ends the program, and has the disk as the next one finds it. */
  protected end(ending: Ending): void {
    this.#life = {};
    const { network, random } = this.world;
    for (const link of network.links) {
      if (!this.ports.includes(link.port) && !this.#sockets.has(link.client)) continue;
      if (ending === 'kill') link.cut();
      else link.vanish();
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    // What was not synced is mostly there in part, at times all of it or nothing.
    const probability = random.pick([0, 0.1, 0.5, 0.9, 1]);
    const keep = (): boolean => random.chance(probability);
    const isKilled = ending === 'kill';
    const left = this.#disk;
    this.#disk = isKilled ? this.#disk.afterKill() : this.#disk.afterPowerCut(keep);
    // What is left of the program gets nowhere.
    left.delay = undefined;
    left.fault = () => ({ code: 'EIO' });
    this.#bookmarks = isKilled ? this.#bookmarks.afterKill() : this.#bookmarks.afterPowerCut(keep);
  }
}
