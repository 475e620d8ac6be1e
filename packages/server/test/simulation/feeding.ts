// Where operations come from in a history: from the server's own process, or from a source at its port. Between them the
// disk fails, the server is restarted, and power is cut.
import {
  ANY_ENTRY,
  encodeSourceMessage,
  FrameDecoder,
  ResultCode,
  sourceAnswers,
  type SourceMessage,
} from '@ds/codec';
import type { SimulatedSocket } from '@ds/test-kit';

import { randomItems } from '../../../stream-file/test/model.js';
import type { Fault } from '../../../stream-file/test/simulated-disk.js';
import type { Item } from './stream-truth.js';
import { PAGE_BYTES, type World } from './world.js';

const BOOKMARK = 0xb0;
let operations = 0;

/** An operation like no other. Now and then one that is written ahead, since it has more pages than stay in memory. */
function anyOperation({ random }: World): Item[] {
  const items: Item[] = randomItems(random, PAGE_BYTES);
  if (random.chance(0.04)) {
    for (let page = 0; page < 10; page++) items.push({ type: 1, data: random.bytes(PAGE_BYTES - 20) });
  }
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, ++operations);
  items.splice(random.integer(0, items.length), 0, { type: 7, data });
  return items;
}

/** Makes the disk fail for a while. */
function breakDisk(world: World): void {
  const { random, disk } = world;
  const probability = random.pick([0.2, 1]);
  // A disk writes whole sectors.
  const written = random.pick([0, 512]);
  const choice = random.next();
  const fault: Fault & { kinds: readonly string[] } =
    choice < 0.5
      ? { code: 'EIO', kinds: ['read'] }
      : choice < 0.85
        ? { code: 'ENOSPC', kinds: ['write'], written }
        : { code: 'EIO', kinds: ['write', 'sync'], written };
  disk.fault = ({ kind, path }) =>
    path.endsWith('.bin') && fault.kinds.includes(kind) && random.chance(probability) ? fault : undefined;
  void world.pass(random.next() * 150).then(() => (disk.fault = undefined));
}

/** Restarts the server now and then, and always when it cannot write any more. */
async function maybeRestart(world: World): Promise<boolean> {
  const { random, file } = world;
  const choice = random.next();
  // After a failed sync the disk does not tell what it has lost; only a power cut shows it.
  if (file.failure || choice < 0.015) await world.losePower();
  else if (choice < 0.03) await world.restart();
  else return false;
  return true;
}

/** Makes so many operations, in one way or another. */
export type Feed = (world: World, count: number) => Promise<void>;

/** Feeds the stream from within the process. */
export const feedInProcess: Feed = async (world, count) => {
  const { random, truth } = world;
  let commits: Promise<void>[] = [];
  for (let nth = 0; nth < count; nth++) {
    await world.pass(random.next() * 40);
    if (random.chance(0.05)) breakDisk(world);
    if (await maybeRestart(world)) {
      commits = [];
      continue;
    }
    try {
      if (random.chance(0.05)) {
        await Promise.all(commits);
        await truncate(world);
        continue;
      }
      await world.server.startAtomicOp();
      const items = anyOperation(world);
      for (const item of items) {
        add(world, item);
        if (random.chance(0.05)) await world.pass(random.next() * 100);
      }
      if (random.chance(0.1)) {
        world.server.rollbackAtomicOp();
        continue;
      }
      truth.ask(items);
      const committed = world.server.commitAtomicOp().then(
        () => {
          if (!truth.isIn(items)) world.fail(new Error('a commit was acknowledged that is not durable'));
        },
        (error: unknown) => {
          if ((error as { code?: unknown }).code === 'disk-full') truth.refused(items);
        },
      );
      commits.push(committed);
      if (random.chance(0.5)) await committed;
    } catch (error) {
      // The disk is full, or has failed. What was begun is given up.
      if (world.disk.fault === undefined && !hasCode(error)) throw error;
      if (world.file.operationOpen) world.file.rollbackAtomicOp();
    }
  }
  await Promise.all(commits);
};

function add({ server }: World, { type, data }: Item): void {
  if (type === BOOKMARK) server.addStreamBookmark(data);
  else server.addStreamEntry(type, data);
}

function hasCode(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === 'string';
}

async function truncate({ random, truth, server }: World): Promise<void> {
  const { entries } = truth.now;
  if (entries === 0) return;
  const entry = random.integer(Math.max(0, entries - 20), entries - 1);
  const done = truth.askCut(entry);
  await server.truncateFile(BigInt(entry)).finally(done);
}

interface Awaited {
  readonly kind: SourceMessage['kind'];
  /** The operation that is committed. */
  readonly items?: readonly Item[];
  readonly done?: () => void;
}

/** A source at its port, one connection after the other. */
export const feedFromSource: Feed = async (world, count) => {
  const { random } = world;
  for (let epoch = 1n, left = count; left > 0; epoch++) {
    const connection = new SourceConnection(world);
    connection.open(epoch);
    while (!connection.ended && left-- > 0) {
      await world.pass(random.next() * 40);
      if (random.chance(0.05)) breakDisk(world);
      if (await maybeRestart(world)) break;
      await feedOne(world, connection);
    }
    if (left <= 0) await connection.answered();
    connection.close();
    await world.pass(random.next() * 50);
    if (world.file.failure) await world.losePower();
  }
};

/** Whatever has happened, an operation can be committed now. */
export async function feedLast(world: World, feed: Feed): Promise<void> {
  const items = anyOperation(world);
  world.truth.ask(items);
  if (feed === feedInProcess) {
    await world.server.startAtomicOp();
    for (const item of items) add(world, item);
    await world.server.commitAtomicOp();
  } else {
    const connection = new SourceConnection(world);
    connection.open(1n << 32n);
    for (const message of messagesOf(items)) connection.send(message);
    connection.send({ kind: 'commitAtomicOp' }, { items });
    await connection.answered();
    connection.close();
  }
  if (!world.truth.isIn(items)) throw new Error('no operation could be committed any more');
}

async function feedOne(world: World, connection: SourceConnection): Promise<void> {
  const { random, truth } = world;
  if (random.chance(0.05)) {
    await connection.answered();
    const { entries } = truth.now;
    if (entries === 0 || connection.ended) return;
    const entry = random.integer(Math.max(0, entries - 20), entries - 1);
    connection.send({ kind: 'truncateFile', entryNumber: BigInt(entry) }, { done: truth.askCut(entry) });
    await connection.answered();
    return;
  }
  const items = anyOperation(world);
  for (const message of messagesOf(items)) {
    connection.send(message);
    if (random.chance(0.03)) await world.pass(random.next() * 100);
    if (random.chance(0.01)) connection.leave();
  }
  if (random.chance(0.1)) {
    connection.send({ kind: 'rollbackAtomicOp' });
    return;
  }
  truth.ask(items);
  connection.send({ kind: 'commitAtomicOp' }, { items });
  if (random.chance(0.3)) await connection.answered();
}

/** All that makes an operation but its end. */
function messagesOf(items: readonly Item[]): SourceMessage[] {
  return [
    { kind: 'startAtomicOp', expectedEntry: ANY_ENTRY },
    ...items.map(({ type, data }): SourceMessage =>
      type === BOOKMARK
        ? { kind: 'addStreamBookmark', bookmark: data }
        : { kind: 'addStreamEntry', entryType: type, data },
    ),
  ];
}

class SourceConnection {
  readonly #world: World;
  readonly #socket: SimulatedSocket;
  readonly #decoder = new FrameDecoder(sourceAnswers);
  readonly #awaited: Awaited[] = [];
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#socket = world.connectSource();
    this.#socket.on('data', (chunk: Uint8Array) => {
      this.#decoder.push(chunk.slice());
      try {
        for (let answer = this.#decoder.next(); answer; answer = this.#decoder.next()) {
          if (answer.kind === 'result') this.#take(answer.code);
        }
      } catch (error) {
        world.fail(error as Error);
      }
      this.#change();
    });
    const over = (): void => {
      this.#ended = true;
      for (const { done } of this.#awaited.splice(0)) done?.();
      this.#change();
    };
    this.#socket.on('end', over).on('close', over).on('error', over);
  }

  get ended(): boolean {
    return this.#ended;
  }

  open(epoch: bigint): void {
    this.send({ kind: 'openSource', protocolVersion: 1n, systemId: 137n, epoch, token: new Uint8Array(0) });
  }

  send(message: SourceMessage, more: Omit<Awaited, 'kind'> = {}): void {
    if (this.#ended) {
      more.done?.();
      return;
    }
    const { kind } = message;
    if (!['startAtomicOp', 'addStreamEntry', 'addStreamBookmark'].includes(kind))
      this.#awaited.push({ kind, ...more });
    this.#socket.write(encodeSourceMessage(message, 1n));
  }

  /** Resolves when all is answered, or the connection is gone. */
  async answered(): Promise<void> {
    while (this.#awaited.length > 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Goes without a word. */
  leave(): void {
    const { random } = this.#world;
    if (random.chance(0.3)) this.#socket.link.vanish();
    this.close();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(code: number): void {
    const awaited = this.#awaited.shift();
    awaited?.done?.();
    const { truth, fail } = this.#world;
    if (code === ResultCode.ok && awaited?.items && !truth.isIn(awaited.items)) {
      fail(new Error('a commit was acknowledged to the source that is not durable'));
    }
    if (code === ResultCode.diskFull && awaited?.items) truth.refused(awaited.items);
  }

  #change(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
