// The clients: so many connections in one process that looks at as little as it can of what it gets, since it has its
// share of the same machine.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeCommand, encodeResult, result, ResultCode, type ClientCommand } from '@ds/codec';
import { answerParent } from '../processes/parent.js';
import { Histogram, type Summary } from './histogram.js';
import { MOMENT_AT, nowUs, OPERATION_BYTES } from './operations.js';

const OK_BYTES = encodeResult(result(ResultCode.ok)).length;
const CONNECTING_MAX = 100;
/** What a client that dawdles takes at once, and how often. */
const DAWDLED_BYTES = 16 << 10;
const DAWDLED_MS = 100;
/** How long a client lives that dies. */
const LIFE_MS = 50;

export interface Address {
  readonly host?: string;
  readonly port: number;
}

/** Sockets of one process may share the buffer that they read into, as each read is looked at before the next. */
const received = Buffer.allocUnsafeSlow(1 << 20);

let connections: { readonly socket: Socket; onBytes: (bytes: Buffer) => void }[] = [];

async function open({ host = '127.0.0.1', port }: Address, count: number, buffer = received): Promise<void> {
  connections = [];
  while (connections.length < count) {
    const batch = Array.from({ length: Math.min(CONNECTING_MAX, count - connections.length) }, async () => {
      const connection = {
        socket: connect({
          host,
          port,
          noDelay: true,
          onread: {
            buffer,
            callback: (length) => {
              connection.onBytes(buffer.subarray(0, length));
              return true;
            },
          },
        }),
        onBytes: (_bytes: Buffer): void => undefined,
      };
      await once(connection.socket, 'connect');
      return connection;
    });
    connections.push(...(await Promise.all(batch)));
  }
}

function send(socket: Socket, command: ClientCommand): void {
  socket.write(encodeCommand(command, 1n));
}

/** Bytes of each operation that tell when it was committed, as far as any connection has seen them. */
let moments = Buffer.alloc(0);
let momentsUs = new Float64Array(0);
let latencies = new Histogram();

function follow(streamed: { bytes: number }, bytes: Buffer): void {
  const start = streamed.bytes;
  const end = (streamed.bytes += bytes.length);
  for (let operation = Math.floor(start / OPERATION_BYTES); operation * OPERATION_BYTES < end; operation++) {
    if (momentsUs[operation] === 0) copyMoment(operation, start, bytes);
    if ((operation + 1) * OPERATION_BYTES > end) break;
    momentsUs[operation] ||= moments.readDoubleBE(operation * 8);
    latencies.add(nowUs() - momentsUs[operation]!);
  }
}

function copyMoment(operation: number, start: number, bytes: Buffer): void {
  const at = operation * OPERATION_BYTES + MOMENT_AT - start;
  const from = Math.max(at, 0);
  if (from < at + 8) bytes.copy(moments, operation * 8 + from - at, from, Math.min(at + 8, bytes.length));
}

let followed: { bytes: number }[] = [];

/** Clients that come and go, or take a little now and then. */
let dawdling: NodeJS.Timeout | undefined;

const answers = {
  /** Has so many clients take so many bytes each from entry 0 on; resolves with seconds. */
  async drain({ address, clients, bytes }: { address: Address; clients: number; bytes: number }) {
    await open(address, clients);
    const startMs = performance.now();
    await Promise.all(
      connections.map(
        (connection) =>
          new Promise<void>((resolve, reject) => {
            let left = bytes + OK_BYTES;
            connection.onBytes = ({ length }) => {
              left -= length;
              if (left <= 0) resolve();
            };
            connection.socket.once('close', () => {
              reject(new Error(`a connection ended ${left} bytes early`));
            });
            send(connection.socket, { kind: 'start', fromEntry: 0n });
          }),
      ),
    );
    const seconds = (performance.now() - startMs) / 1000;
    for (const { socket } of connections) socket.destroy();
    return seconds;
  },

  /** Connects clients and leaves them alone; with `spread`, each starts at its own part of so many entries and takes nothing. */
  async idle({ address, clients, spread }: { address: Address; clients: number; spread?: number }) {
    await open(address, clients);
    if (spread === undefined) return;
    for (const [nth, { socket }] of connections.entries()) {
      socket.pause();
      send(socket, { kind: 'start', fromEntry: BigInt(Math.floor((spread * nth) / clients)) });
    }
  },

  /** Connects clients that start at entry 0 and take little now and then, until they are told to leave. */
  async dawdle({ address, clients }: { address: Address; clients: number }) {
    await open(address, clients, Buffer.allocUnsafeSlow(DAWDLED_BYTES));
    for (const connection of connections) {
      connection.onBytes = () => connection.socket.pause();
      send(connection.socket, { kind: 'start', fromEntry: 0n });
    }
    // One after the other: those that are slow in earnest do not wait for one another.
    let turn = 0;
    dawdling = setInterval(() => {
      connections[turn++ % clients]?.socket.resume();
    }, DAWDLED_MS / clients);
  },

  /**
   * Connects so many clients a second that start at entry 0, take no more than the kernel does for them, and are gone a
   * moment later, until they are told to leave.
   */
  async die({ address: { host = '127.0.0.1', port }, perSecond }: { address: Address; perSecond: number }) {
    connections = [];
    let died = 0;
    dawdling = setInterval(() => {
      const socket = connect({ host, port });
      socket.on('error', () => undefined);
      send(socket, { kind: 'start', fromEntry: 0n });
      setTimeout(() => (died++ % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()), LIFE_MS);
    }, 1000 / perSecond);
  },

  async leave() {
    clearInterval(dawdling);
    for (const { socket } of connections) socket.destroy();
  },

  /** Connects clients that follow from an entry on, 0 unless told; resolves when all are answered. */
  async follow({
    address,
    clients,
    operations,
    fromEntry = 0n,
  }: {
    address: Address;
    clients: number;
    operations: number;
    fromEntry?: bigint;
  }) {
    moments = Buffer.alloc(operations * 8);
    momentsUs = new Float64Array(operations);
    latencies = new Histogram();
    await open(address, clients);
    followed = connections.map(() => ({ bytes: -OK_BYTES }));
    await Promise.all(
      connections.map(
        (connection, nth) =>
          new Promise<void>((resolve) => {
            const streamed = followed[nth]!;
            connection.onBytes = ({ length }) => {
              streamed.bytes += length;
              if (streamed.bytes < 0) return;
              connection.onBytes = (bytes) => {
                follow(streamed, bytes);
              };
              resolve();
            };
            send(connection.socket, { kind: 'start', fromEntry });
          }),
      ),
    );
  },

  /** Resolves, when all clients have so many operations, with how long operations took from their commit. */
  async followed({ operations }: { operations: number }): Promise<Summary> {
    const bytes = operations * OPERATION_BYTES;
    while (followed.some((streamed) => streamed.bytes < bytes))
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const { socket } of connections) socket.destroy();
    return latencies.summary();
  },

  /** Asks for entries below `entries` by number, `inFlight` at a time on each connection. */
  async ask(load: {
    address: Address;
    connections: number;
    inFlight: number;
    count: number;
    entries: number;
    answerBytes: number;
    seed: number;
  }): Promise<Summary & { perSecond: number }> {
    await open(load.address, load.connections);
    let state = load.seed;
    const nextEntry = (): bigint => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return BigInt(Math.floor((state / 2 ** 32) * load.entries));
    };
    const times = new Histogram();
    let asked = 0;
    const startUs = nowUs();
    await Promise.all(
      connections.map(
        (connection) =>
          new Promise<void>((resolve) => {
            const sentUs: number[] = [];
            let bytes = 0;
            const ask = (): void => {
              if (asked >= load.count) return;
              asked++;
              sentUs.push(nowUs());
              send(connection.socket, { kind: 'entry', entryNumber: nextEntry() });
            };
            connection.onBytes = ({ length }) => {
              bytes += length;
              connection.socket.cork();
              for (; bytes >= load.answerBytes; bytes -= load.answerBytes) {
                times.add(nowUs() - sentUs.shift()!);
                ask();
              }
              connection.socket.uncork();
              if (sentUs.length === 0) resolve();
            };
            for (let nth = 0; nth < load.inFlight; nth++) ask();
            if (sentUs.length === 0) resolve();
          }),
      ),
    );
    const seconds = (nowUs() - startUs) / 1e6;
    for (const { socket } of connections) socket.destroy();
    return { ...times.summary(), perSecond: load.count / seconds };
  },
};

export type LoadProgram = typeof answers;
answerParent(answers);
