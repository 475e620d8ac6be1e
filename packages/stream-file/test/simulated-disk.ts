// A disk that does what disks may do, and so what a power cut may leave.
//
// What was written and not synced is kept apart, change by change: writes by sector of 512 bytes, changes of a file's
// size, and names (created, moved, removed), which are durable only after `syncFolder`. `afterPowerCut` makes the disk
// that is found when power comes back: of the changes that were not synced, any subset is there, as `keep` decides. What a
// failed sync should have written is never synced: later ones report success without it.
//
// `onChange` is called after each change, so a test can look at what a power cut at that very point leaves, at every point
// of a history that is run once. `fault` can fail any call; a write that fails may have written a part.
import { dirname } from 'node:path';
import type { Disk, DiskFile, ReadableDisk } from '../src/disk/disk.js';

const SECTOR_BYTES = 512;

export interface DiskCall {
  readonly kind:
    | 'open'
    | 'create'
    | 'rename'
    | 'remove'
    | 'syncFolder'
    | 'size'
    | 'read'
    | 'write'
    | 'resize'
    | 'sync'
    | 'close';
  readonly path: string;
  /** Bytes of a read or write, or the new size. */
  readonly bytes?: number;
}

export interface Fault {
  readonly code: 'EIO' | 'ENOSPC';
  /** Bytes of a write that are written nevertheless. */
  readonly written?: number;
}

/** `isForgotten`: a sync has failed with it, so no later one makes it durable. */
type Change =
  | {
      readonly kind: 'write';
      readonly at: number;
      readonly bytes: Uint8Array;
      readonly extends: boolean;
      readonly isForgotten?: true;
    }
  | { readonly kind: 'resize'; readonly bytes: number; readonly shortens: boolean };
type Write = Change & { readonly kind: 'write' };

/**
 * A file's content as it would be if nothing were ever lost, as it certainly is, and the changes in between. Files share
 * the arrays of their contents until one of them is changed: most of what a power cut leaves is only looked at.
 */
class Inode {
  #live: Uint8Array;
  /** Nobody else has the array of `live`, so it can be changed in place. */
  #isLiveOwn = false;
  #changes: Change[];
  /** Changes that there were before these, and that there were when the newest sync began that has ended well. */
  #gone = 0;
  #synced = 0;
  #durable: Uint8Array;

  /** Of these contents, which nobody changes any more. */
  constructor(durable: Uint8Array = new Uint8Array(0), live = durable, changes: readonly Change[] = []) {
    this.#durable = durable;
    this.#live = live;
    this.#changes = [...changes];
  }

  /** Not to be changed, and not changed any more by others. */
  get content(): Uint8Array {
    this.#isLiveOwn = false;
    return this.#live;
  }

  /** What is certainly there. Not to be changed. */
  get durable(): Uint8Array {
    return this.#durable;
  }

  get size(): number {
    return this.#live.length;
  }

  read(at: number, into: Uint8Array): number {
    const part = this.#live.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }

  apply(change: Change): void {
    if (!this.#isLiveOwn) this.#live = this.#live.slice();
    this.#isLiveOwn = true;
    this.#live = changed(this.#live, change);
    this.#changes.push(change);
  }

  resize(bytes: number): void {
    this.apply({ kind: 'resize', bytes, shortens: bytes < this.size });
  }

  /** Begins a sync: what the function returned makes durable is what stands here now. */
  beginSync(): () => void {
    const { content } = this;
    const end = this.#gone + this.#changes.length;
    return () => {
      if (end < this.#synced) return;
      this.#synced = end;
      const left = forgottenSectors(this.#changes.splice(0, end - this.#gone));
      this.#durable = left.length === 0 ? content : withoutSectors(content, this.#durable, left);
      this.#changes.unshift(...left);
      this.#gone = end - left.length;
    };
  }

  /**
   * A sync fails, and with it whatever it should have written: it may be on the disk or not, and no later sync makes sure. A
   * program still reads it. Only what is written again is like any other change.
   */
  failSync(): void {
    this.#changes = this.#changes.map((change) =>
      change.kind === 'write' ? { ...change, isForgotten: true } : change,
    );
  }

  copy(): Inode {
    return new Inode(this.#durable, this.content, this.#changes);
  }

  afterPowerCut(keep: () => boolean): Inode {
    if (this.#changes.length === 0) return new Inode(this.#durable);
    let content: Uint8Array = this.#durable.slice();
    for (const change of this.#changes) {
      for (const part of change.kind === 'write' ? sectorsOf(change) : [change]) {
        if (keep()) content = changed(content, part);
      }
    }
    return new Inode(content);
  }
}

function changed(content: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'resize') return resized(content, change.bytes);
  const end = change.at + change.bytes.length;
  const room = change.extends && end > content.length ? resized(content, end) : content;
  // What was written into room that the file lost again is lost with it.
  if (change.at < room.length) room.set(change.bytes.subarray(0, room.length - change.at), change.at);
  return room;
}

/** In the same memory, if there is room: what `content` had behind its end is gone. */
function resized(content: Uint8Array, bytes: number): Uint8Array {
  if (bytes <= content.buffer.byteLength) {
    return new Uint8Array(content.buffer, 0, bytes).fill(0, Math.min(content.length, bytes));
  }
  const other = new Uint8Array(bytes);
  other.set(content);
  return other;
}

/** Of changes in their order: the sectors whose last write is forgotten, as they were written then. */
function forgottenSectors(changes: readonly Change[]): Write[] {
  const left = new Map<number, Write[]>();
  if (!changes.some((change) => change.kind === 'write' && change.isForgotten)) return [];
  for (const change of changes) {
    if (change.kind === 'resize') {
      // What is cut off is gone, and the rest of a sector that is cut is zeroed.
      for (const sector of left.keys())
        if (change.shortens && (sector + 1) * SECTOR_BYTES > change.bytes) left.delete(sector);
      continue;
    }
    for (const part of sectorsOf(change)) {
      const sector = Math.floor(part.at / SECTOR_BYTES);
      if (part.isForgotten) left.set(sector, [...(left.get(sector) ?? []), part]);
      else left.delete(sector);
    }
  }
  return [...left.values()].flat();
}

/** A content in which some sectors, those that were written, are as they were before. */
function withoutSectors(content: Uint8Array, before: Uint8Array, writes: readonly Write[]): Uint8Array {
  const without = content.slice();
  for (const { at } of writes) {
    const from = at - (at % SECTOR_BYTES);
    const sector = without.subarray(from, from + SECTOR_BYTES);
    sector.fill(0);
    sector.set(before.subarray(from, from + sector.length));
  }
  return without;
}

function* sectorsOf(write: Write): Generator<Write> {
  const end = write.at + write.bytes.length;
  for (let at = write.at; at < end;) {
    const next = Math.min(end, at + SECTOR_BYTES - (at % SECTOR_BYTES));
    yield { ...write, at, bytes: write.bytes.subarray(at - write.at, next - write.at) };
    at = next;
  }
}

/** A name that now means another file, or none. */
interface NameChange {
  readonly path: string;
  readonly inode: Inode | undefined;
  /** The name that the file had before. */
  readonly from?: string;
}

function rename(names: Map<string, Inode>, { path, inode, from }: NameChange): void {
  if (from !== undefined) names.delete(from);
  if (inode) names.set(path, inode);
  else names.delete(path);
}

export class SimulatedDisk implements Disk, ReadableDisk {
  /** Fails the calls that it returns a fault for. */
  fault: ((call: DiskCall) => Fault | undefined) | undefined;
  /** Called after each change. */
  onChange: (() => void) | undefined;
  /** Lets calls take their time; those that do not wait take none. */
  delay: (() => Promise<void>) | undefined;
  /** Calls so far. */
  calls = 0;
  /** Paths that have been opened and not closed, once for each time. */
  readonly openPaths: string[] = [];
  readonly #live: Map<string, Inode>;
  readonly #durable: Map<string, Inode>;
  #nameChanges: NameChange[] = [];

  constructor(names: ReadonlyMap<string, Inode> = new Map()) {
    this.#live = new Map(names);
    this.#durable = new Map(names);
  }

  /** The disk as the next program finds it when one is killed at this moment: all is there, but not durable yet. */
  afterKill(): SimulatedDisk {
    const copy = copier((inode) => inode.copy());
    const disk = new SimulatedDisk(mapValues(this.#durable, copy));
    for (const { inode, ...change } of this.#nameChanges) {
      const copied = { ...change, inode: inode && copy(inode) };
      disk.#nameChanges.push(copied);
      rename(disk.#live, copied);
    }
    return disk;
  }

  /** The disk as it is found after a power cut at this moment. `keep` is asked for each change that was not synced. */
  afterPowerCut(keep: () => boolean): SimulatedDisk {
    const names = new Map(this.#durable);
    for (const change of this.#nameChanges) if (keep()) rename(names, change);
    return new SimulatedDisk(
      mapValues(
        names,
        copier((inode) => inode.afterPowerCut(keep)),
      ),
    );
  }

  /** A file's content as a program sees it now, not to be changed. */
  contentOf(path: string): Uint8Array | undefined {
    return this.#live.get(path)?.content;
  }

  /** What a power cut now would leave of a file for certain. A view: not to be kept. */
  durableContentOf(path: string): Uint8Array | undefined {
    return this.#durable.get(path)?.durable;
  }

  /** Puts a file there, durably. */
  put(path: string, content: Uint8Array): void {
    const inode = new Inode(new Uint8Array(content));
    this.#live.set(path, inode);
    this.#durable.set(path, inode);
  }

  async open(path: string): Promise<DiskFile> {
    await this.#call({ kind: 'open', path });
    const inode = this.#live.get(path);
    if (!inode) throw systemError('ENOENT', 'open', path);
    return this.#file(path, inode);
  }

  /** As `open`, but that writing, cutting and extending fail. */
  async openReadOnly(path: string): Promise<DiskFile> {
    const refuse = (): never => {
      throw systemError('EBADF', 'write', path);
    };
    return {
      ...(await this.open(path)),
      write: () => Promise.reject(systemError('EBADF', 'write', path)),
      writeSync: refuse,
      resizeSync: refuse,
    };
  }

  async create(path: string): Promise<DiskFile> {
    await this.#call({ kind: 'create', path });
    let inode = this.#live.get(path);
    if (inode) {
      inode.resize(0);
      this.onChange?.();
    } else {
      inode = new Inode();
      this.#rename({ path, inode });
    }
    return this.#file(path, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call({ kind: 'rename', path: from });
    const inode = this.#live.get(from);
    if (!inode) throw systemError('ENOENT', 'rename', from);
    this.#rename({ path: to, inode, from });
  }

  async remove(path: string): Promise<void> {
    await this.#call({ kind: 'remove', path });
    if (this.#live.has(path)) this.#rename({ path, inode: undefined });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#call({ kind: 'syncFolder', path });
    const folder = dirname(path);
    const isInFolder = (change: NameChange): boolean => dirname(change.path) === folder;
    for (const change of this.#nameChanges.filter(isInFolder)) rename(this.#durable, change);
    this.#nameChanges = this.#nameChanges.filter((change) => !isInFolder(change));
    this.onChange?.();
  }

  #rename(change: NameChange): void {
    rename(this.#live, change);
    this.#nameChanges.push(change);
    this.onChange?.();
  }

  /** What is asked for happens a moment later, as on a real disk: who does not wait for it is not told of it. */
  async #call(call: DiskCall, inode?: Inode): Promise<void> {
    await (this.delay?.() ?? Promise.resolve());
    this.#callSync(call, inode);
  }

  #callSync(call: DiskCall, inode?: Inode): void {
    this.calls++;
    const fault = this.fault?.(call);
    if (!fault) return;
    if (call.kind === 'sync') inode?.failSync();
    throw Object.assign(systemError(fault.code, call.kind, call.path), { written: fault.written ?? 0 });
  }

  #file(path: string, inode: Inode): DiskFile {
    const write = (at: number, bytes: Uint8Array): void => {
      inode.apply({
        kind: 'write',
        at,
        bytes: new Uint8Array(bytes),
        extends: at + bytes.length > inode.size,
      });
      this.onChange?.();
    };
    const partly = (error: unknown, at: number, bytes: Uint8Array): unknown => {
      const { written } = error as { written?: number };
      if (written) write(at, bytes.subarray(0, written));
      return error;
    };
    this.openPaths.push(path);
    return {
      size: async () => {
        await this.#call({ kind: 'size', path });
        return inode.size;
      },
      read: async (at, into) => {
        await this.#call({ kind: 'read', path, bytes: into.length });
        return inode.read(at, into);
      },
      readSync: (at, into) => {
        this.#callSync({ kind: 'read', path, bytes: into.length });
        return inode.read(at, into);
      },
      write: async (at, bytes) => {
        await this.#call({ kind: 'write', path, bytes: bytes.length }).catch((error: unknown) => {
          throw partly(error, at, bytes);
        });
        write(at, bytes);
      },
      writeSync: (at, bytes) => {
        try {
          this.#callSync({ kind: 'write', path, bytes: bytes.length });
        } catch (error) {
          throw partly(error, at, bytes);
        }
        write(at, bytes);
      },
      resizeSync: (bytes) => {
        this.#callSync({ kind: 'resize', path, bytes });
        inode.resize(bytes);
        this.onChange?.();
      },
      sync: async () => {
        const makeDurable = inode.beginSync();
        await this.#call({ kind: 'sync', path }, inode);
        makeDurable();
        this.onChange?.();
      },
      close: () => {
        this.openPaths.splice(this.openPaths.indexOf(path), 1);
        return this.#call({ kind: 'close', path });
      },
    };
  }
}

function mapValues(names: ReadonlyMap<string, Inode>, map: (inode: Inode) => Inode): Map<string, Inode> {
  return new Map([...names].map(([path, inode]) => [path, map(inode)]));
}

/** Copies each file once, whatever names it has. */
function copier(copy: (inode: Inode) => Inode): (inode: Inode) => Inode {
  const copies = new Map<Inode, Inode>();
  return (inode) => {
    const copied = copies.get(inode) ?? copy(inode);
    copies.set(inode, copied);
    return copied;
  };
}

/** Without a stack: they are made by the thousand. */
function systemError(code: string, doing: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${doing} '${path}'`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
