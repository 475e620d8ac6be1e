/**
 * A machine with a disk, whose program can be killed and whose power can be cut at any moment. What the program still does
 * after that happens on a disk that nobody reads any more, and on connections that are gone.
 */
import { StreamFile, type StreamFileOptions } from '@ds/stream-file';
import type { SimulatedNetwork, SimulatedSocket } from '@ds/test-kit';

import { SimulatedBookmarks } from '../../packages/stream-file/test/simulated-bookmarks.js';
import { SimulatedDisk } from '../../packages/stream-file/test/simulated-disk.js';
import { DurableCopy } from './durable-copy.js';
import type { StreamCopy } from './stream-copy.js';
import type { EntryNode } from './stream-tree.js';
import type { World } from './world.js';

const PATH = '/data/stream.bin';
/** Small, so that pages end all the time. */
const PAGE_BYTES = 512;

/** How a program ends. A power cut tells nobody that connections are gone. */
export type Ending = 'kill' | 'power cut';

/** A disk, and what its stream file certainly holds. It can be moved to another machine. */
export interface Volume {
  readonly disk: SimulatedDisk;
  readonly bookmarks: SimulatedBookmarks;
  readonly durable: DurableCopy;
}

export class Machine {
  protected readonly world: World;
  readonly name: string;
  /** Ports that programs of this machine listen on. */
  readonly #ports: readonly number[];
  /** The program that runs: a new one each time. */
  #life = {};
  #volume: Volume;
  readonly #sockets = new Set<SimulatedSocket>();

  constructor(world: World, name: string, ports: readonly number[] = [], volume?: Volume) {
    this.world = world;
    this.name = name;
    this.#ports = ports;
    this.#volume = volume ?? {
      disk: new SimulatedDisk(),
      bookmarks: new SimulatedBookmarks(),
      durable: new DurableCopy(name, PAGE_BYTES, world.check),
    };
  }

  /** What the machine's stream file certainly holds. */
  get durable(): DurableCopy {
    return this.#volume.durable;
  }

  /** How the machine's stream file is opened. */
  get fileOptions(): StreamFileOptions {
    const { disk, bookmarks } = this.#volume;
    const delayMsMax = this.world.random.pick([0.1, 2, 10]);
    disk.delay = () => this.world.pass(this.world.random.next() * delayMsMax);
    disk.fault = ({ kind, path }) => {
      if (kind === 'remove' && path === PATH) this.removing();
      return undefined;
    };
    return {
      create: this.world.identity,
      disk,
      openBookmarkStore: bookmarks.open,
      pageBytes: PAGE_BYTES,
    };
  }

  get path(): string {
    return PATH;
  }

  /** Opens the machine's stream file, and holds all that becomes of it against what may. */
  async openFile(epoch: (file: StreamFile) => bigint | undefined): Promise<StreamFile> {
    const { disk, durable } = this.#volume;
    // What a recovery does step by step is no state of the stream.
    disk.onChange = undefined;
    const file = await StreamFile.open(this.path, this.fileOptions);
    durable.watch(disk, this.path, () => epoch(file));
    return file;
  }

  /** What the machine's stream file certainly holds now, also where no change of it is looked at. */
  protected get entries(): StreamCopy {
    const { disk, durable } = this.#volume;
    durable.look(disk, this.path);
    return durable.entries;
  }

  /** Whether the machine's stream file certainly holds the stream that ends with `end`, be updates in it or not. */
  holds(end: EntryNode): boolean {
    return this.entries.last === end;
  }

  /** The machine gets what another one's disk certainly holds, in place of what it had. Its program must not run. */
  protected adopt(other: Machine): void {
    const { disk, bookmarks } = other.#volume;
    const { durable } = this.#volume;
    const nothingMore = (): boolean => false;
    durable.clear();
    this.#volume = {
      disk: disk.afterPowerCut(nothingMore),
      bookmarks: bookmarks.afterPowerCut(nothingMore),
      durable,
    };
  }

  /** The program gives its stream file up, to begin with an empty one. */
  protected removing(): void {
    throw new Error(`${this.name} removes its stream file`);
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

  /** The program's connections to others go silent, and nobody is told. */
  protected isolate(): void {
    for (const { link } of this.#sockets) link.vanish();
  }

  /** Ends the program, and has the disk as the next one finds it. */
  protected end(ending: Ending): void {
    this.#life = {};
    for (const link of this.world.network.links) {
      if (!this.#ports.includes(link.port) && !this.#sockets.has(link.client)) continue;
      if (ending === 'kill') link.cut();
      else link.vanish();
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#volume = this.takeVolume(ending);
  }

  /** The disk as the next program finds it; the one that runs here gets nowhere with it any more. */
  protected takeVolume(ending: Ending): Volume {
    const { random } = this.world;
    const { disk, bookmarks, durable } = this.#volume;
    // What was not synced is mostly there in part, at times all of it or nothing.
    const probability = random.pick([0, 0.1, 0.5, 0.9, 1]);
    const keep = (): boolean => random.chance(probability);
    const isKilled = ending === 'kill';
    disk.delay = undefined;
    disk.onChange = undefined;
    const volume = {
      disk: isKilled ? disk.afterKill() : disk.afterPowerCut(keep),
      bookmarks: isKilled ? bookmarks.afterKill() : bookmarks.afterPowerCut(keep),
      durable,
    };
    disk.fault = () => ({ code: 'EIO' });
    return volume;
  }
}
