// What a bare Node process does on the same sockets, knowing neither protocol nor file: the limit that the server is
// held against. It answers a first request like the server, so that the load is the same program.
import { closeSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { encodeResult, result, ResultCode } from '@ds/codec';
import { answerParent } from '../processes/parent.js';
import { CORPUS_ENTRY_BYTES } from './corpus.js';
import { atRate, MOMENT_AT, nowUs, OPERATION_BYTES, type Load } from './operations.js';

const OK = encodeResult(result(ResultCode.ok));
const WRITE_BYTES = 1 << 20;
const COMMAND_BYTES = 24;
const sockets = new Set<Socket>();

function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Operations that were made and not sent yet. */
let waiting: Buffer[] = [];

/** Sends all that waits, joined, to each socket. */
function broadcast(): void {
  const joined = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
  waiting = [];
  for (const socket of sockets) socket.write(joined);
}

const answers = {
  /** Sends so many bytes to each client, in buffers of 1 MiB. */
  send({ bytes }: { bytes: number }): Promise<number> {
    const buffer = Buffer.alloc(WRITE_BYTES, 7);
    return listen((socket) => {
      let left = bytes;
      const next = (): void => {
        if (left === 0) return;
        const count = Math.min(left, WRITE_BYTES);
        left -= count;
        socket.write(count === WRITE_BYTES ? buffer : buffer.subarray(0, count), next);
      };
      socket.once('data', () => {
        socket.write(OK);
        next();
      });
    });
  },
  /** As `send`, but the bytes are a file's: each piece is read while the one before it is being sent. */
  async sendFile({ path, bytes }: { path: string; bytes: number }): Promise<number> {
    const file = await open(path);
    const sendTo = async (socket: Socket): Promise<void> => {
      const buffers = [Buffer.alloc(WRITE_BYTES), Buffer.alloc(WRITE_BYTES)] as const;
      const read = async (at: number): Promise<Buffer> => {
        const buffer = buffers[(at / WRITE_BYTES) % 2]!.subarray(0, Math.min(bytes - at, WRITE_BYTES));
        await file.read(buffer, 0, buffer.length, at);
        return buffer;
      };
      let next = read(0);
      for (let at = 0; at < bytes; at += WRITE_BYTES) {
        const piece = await next;
        if (at + WRITE_BYTES < bytes) next = read(at + WRITE_BYTES);
        await new Promise((resolve) => socket.write(piece, resolve));
      }
    };
    return listen((socket) => {
      socket.once('data', () => {
        socket.write(OK);
        void sendTo(socket);
      });
    });
  },
  /** Writes to a file what it is sent. */
  store({ path }: { path: string }): Promise<number> {
    const file = openSync(path, 'w');
    return listen((socket) => {
      socket.on('data', (chunk) => writeSync(file, chunk));
      socket.on('end', () => {
        closeSync(file);
        socket.end();
      });
    });
  },
  /** Is ready to send operations to all that connect. */
  follow(): Promise<number> {
    return listen((socket) => socket.once('data', () => socket.write(OK)));
  },
  commit(load: Load): Promise<number> {
    return atRate(load, () => {
      const operation = Buffer.alloc(OPERATION_BYTES, 7);
      operation.writeDoubleBE(nowUs(), MOMENT_AT);
      if (waiting.push(operation) === 1) setImmediate(broadcast);
    });
  },
  /** Answers each command with as many bytes as the server answers a command for an entry with. */
  answer(): Promise<number> {
    const answer = Buffer.concat([OK, Buffer.alloc(CORPUS_ENTRY_BYTES, 7)]);
    return listen((socket) => {
      let received = 0;
      socket.on('data', (chunk) => {
        received += chunk.length;
        const commands = Math.floor(received / COMMAND_BYTES);
        received -= commands * COMMAND_BYTES;
        if (commands > 0) socket.write(commands === 1 ? answer : Buffer.concat(Array(commands).fill(answer)));
      });
    });
  },
};

export type BareProgram = typeof answers;
answerParent(answers);
