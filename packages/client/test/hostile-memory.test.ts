// Goal: a server that sends as much as it is let, nothing, or lies costs a program that asks it an error of the right kind, and
// little memory, however busy the machine is. Method: the program runs in a process of its own, whose memory is measured. Each
// guard is taken out once, to see that it is missed.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeEntry, encodeHeader, encodeResult, result } from '@ds/codec';

import { certificates, drip, flood, Random, seed, sendLate } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import {
  codec,
  HostileProgram,
  longestResult,
  waitsFor,
  waitsUnguarded,
  type Guard,
} from './support/bounded.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const piece = Buffer.alloc(64 << 10);
const noise = new Random().bytes(64 << 10).fill(0x48, 0, 1);
const longHeader = Buffer.concat([OK, encodeHeader({ ...goldenHeader, totalEntries: 1n << 40n })]);
const longRefusal = encodeResult(result(4711, 'x'.repeat(4096)));
const hugeResult = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1);
const hugeEntry = Uint8Array.of(2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
const largestEntry = encodeEntry({ type: 1, number: 0n, data: piece.subarray(0, 60_000) });

/** What a server does with a connection. */
type Behaviour = (socket: Duplex) => void;

/** Answers Header, and then does something with Start. */
function streaming(start: Behaviour): Behaviour {
  return (socket) => {
    socket.once('data', () => {
      socket.write(longHeader);
      socket.once('data', () => {
        socket.write(OK);
        start(socket);
      });
    });
  };
}

const entryAt = (number: number): Uint8Array =>
  encodeEntry({ type: 1, number: BigInt(number), data: piece.subarray(0, 32_000) });

/** What a server does, what it is asked, and what comes of it. */
const cases: Record<string, { behaviour: Behaviour; asked: readonly string[]; code: string }> = {
  'noise without end': {
    behaviour: (socket) => {
      flood(socket, () => noise);
    },
    asked: ['header', 'entry', 'follow'],
    code: 'protocol',
  },
  'OK without end': {
    behaviour: (socket) => {
      flood(socket, () => OK);
    },
    asked: ['header', 'follow'],
    code: 'protocol',
  },
  'a result of 4 GiB': {
    behaviour: (socket) => {
      flood(socket, (nth) => (nth === 0 ? hugeResult : piece));
    },
    asked: ['header', 'follow'],
    code: 'protocol',
  },
  'refusals without end': {
    behaviour: (socket) => {
      flood(socket, () => longRefusal);
    },
    asked: ['header', 'follow'],
    code: 'refused',
  },
  'entries that nobody asked for': {
    behaviour: (socket) => {
      flood(socket, entryAt);
    },
    asked: ['header', 'entry'],
    code: 'protocol',
  },
  'an entry of 4 GiB': {
    behaviour: streaming((socket) => {
      flood(socket, (nth) => (nth === 0 ? hugeEntry : piece));
    }),
    asked: ['follow'],
    code: 'protocol',
  },
  'the same entry without end': {
    behaviour: streaming((socket) => {
      flood(socket, () => largestEntry);
    }),
    asked: ['follow'],
    code: 'sequence',
  },
  'more entries than are taken': {
    behaviour: streaming((socket) => {
      flood(socket, entryAt);
    }),
    asked: ['stall'],
    code: 'none',
  },
  nothing: { behaviour: (socket) => socket.resume(), asked: ['header', 'entry', 'follow'], code: 'timeout' },
  'the longest refusal, byte by byte': {
    behaviour: (socket) => {
      drip(socket, longRefusal);
    },
    asked: ['header', 'follow'],
    code: 'timeout',
  },
  'an entry in small pieces': {
    behaviour: streaming((socket) => {
      drip(socket, largestEntry, 100);
    }),
    asked: ['follow'],
    code: 'timeout',
  },
  'another entry than was asked for': {
    behaviour: answering(() => Buffer.concat([OK, encodeEntry(goldenEntries[2]!, 0xfe)])) as Behaviour,
    asked: ['entry'],
    code: 'protocol',
  },
  'an answer too late': {
    behaviour: answering((_command, socket) => {
      sendLate(socket, headerAnswer);
      return undefined;
    }) as Behaviour,
    asked: ['header', 'follow'],
    code: 'timeout',
  },
};

/** Where a server does so in the clear, and where over TLS. */
async function serve(behaviour: Behaviour): Promise<[string, string]> {
  const { address } = await FakeServer.start(behaviour);
  const secure = createServer(certificates.server, (socket) => {
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    behaviour(socket);
  });
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  onTestFinished(() => void secure.close());
  return [address, `127.0.0.1:${(secure.address() as AddressInfo).port}`];
}

describe('A server that sends', () => {
  it.each(Object.entries(cases))(
    `%s costs an error, and little memory (seed ${seed})`,
    async (_name, each) => {
      await using program = await HostileProgram.of({ folder });
      const [plain, secure] = await serve(each.behaviour);
      const runs = each.asked.flatMap((what) => [
        [what, plain],
        [what, secure, certificates.authority],
      ]);
      const outcomes = await Promise.all(runs.map((options) => program.run(waitsFor(each.code), ...options)));
      expect(outcomes).toEqual(runs.map(() => ({ code: each.code, bounded: true })));
    },
    120_000,
  );
});

const guards: readonly Guard[] = [
  longestResult,
  {
    guard: 'the largest entry',
    sent: 'an entry of 4 GiB',
    package: codec,
    change: { file: 'entry-batch.ts', find: ' && length <= ENTRY_BYTES_MAX', replace: '' },
  },
  {
    guard: 'the pause while nobody takes anything',
    sent: 'more entries than are taken',
    change: {
      file: 'connecting/connection.ts',
      find: 'this.#socket.pause();\n      this.#wake?.();',
      replace: 'this.#wake?.();',
    },
  },
  {
    guard: 'the time for an answer',
    sent: 'nothing',
    change: { file: 'connecting/connection.ts', find: '    }, ms);', replace: '    }, 1e8);' },
  },
  {
    guard: 'that a part of an answer is none',
    sent: 'the longest refusal, byte by byte',
    change: {
      file: 'connecting/connection.ts',
      find: '    try {\n      this.#session.receive(bytes);',
      replace: '    this.#startDeadline();\n    try {\n      this.#session.receive(bytes);',
    },
  },
  {
    guard: 'that nothing streams unless it was started',
    sent: 'entries that nobody asked for',
    change: {
      file: 'connecting/client-session.ts',
      find: "if (this.#state !== 'streaming') {",
      replace: 'if (false) {',
    },
  },
  {
    guard: 'that an answer is what was asked for',
    sent: 'another entry than was asked for',
    change: {
      file: 'connecting/client-session.ts',
      find: "command.kind === 'entry' && entry.number !== command.entryNumber",
      replace: "command.kind === 'header'",
    },
  },
];

describe('What keeps a client safe is missed where it is taken out:', () => {
  it.each(guards)(
    '$guard',
    async ({ sent, package: changedFolder = folder, change }) => {
      await using program = await HostileProgram.of({ folder, changedFolder, change });
      const { behaviour, asked, code } = cases[sent]!;
      const [, secure] = await serve(behaviour);
      expect(await program.run(waitsUnguarded, asked[0]!, secure, certificates.authority)).not.toEqual({
        code,
        bounded: true,
      });
    },
    120_000,
  );
});
