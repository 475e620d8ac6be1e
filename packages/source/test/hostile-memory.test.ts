// Goal: a server that sends as much as it is let, nothing, or lies costs a source an error of the right kind, and little memory,
// however busy the machine is. Method: the source runs in a process of its own, whose memory is measured. Each guard is taken
// out once, to see that it is missed.
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeResult, result, ResultCode } from '@ds/codec';

import { drip, flood, Random, seed, sendLate } from '@ds/test-kit';
import {
  HostileProgram,
  longestResult,
  waitsFor,
  waitsUnguarded,
  type Guard,
} from '../../client/test/support/bounded.js';
import { okAnswer, refusal, scriptedServer, type Script } from './support/scripted-server.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const piece = Buffer.alloc(64 << 10);
const noise = new Random().bytes(64 << 10).fill(0x48, 0, 1);
const ok = encodeResult(result(ResultCode.ok));
const longRefusal = refusal(ResultCode.diskFull, 'x'.repeat(4096));
const hugeResult = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1);

/** Does something with each connection. */
const atOnce = (act: (socket: Socket) => void): Script => ({ connected: act });

/** Lets the source in, and then does something with its first operation. */
function behindOpen(act: (socket: Socket) => void): Script {
  return {
    connected: (socket) => {
      socket.once('data', () => {
        socket.write(okAnswer(0n));
        socket.once('data', () => {
          act(socket);
        });
      });
    },
  };
}

/** What a server does, what the source does, and what it is told of the server. */
const cases: Record<string, { script: Script; does: readonly string[]; code: string }> = {
  'noise without end': {
    script: atOnce((socket) => {
      flood(socket, () => noise);
    }),
    does: ['open', 'commit'],
    code: 'protocol',
  },
  'OK without end': {
    script: atOnce((socket) => {
      flood(socket, () => ok);
    }),
    does: ['open', 'commit'],
    code: 'protocol',
  },
  'answers without end': {
    script: behindOpen((socket) => {
      flood(socket, () => okAnswer(0n));
    }),
    does: ['commit'],
    code: 'protocol',
  },
  'refusals without end': {
    script: atOnce((socket) => {
      flood(socket, () => longRefusal);
    }),
    does: ['open', 'commit'],
    code: 'refused',
  },
  'a result of 4 GiB': {
    script: behindOpen((socket) => {
      flood(socket, (nth) => (nth === 0 ? hugeResult : piece));
    }),
    does: ['commit'],
    code: 'protocol',
  },
  nothing: { script: atOnce((socket) => socket.resume()), does: ['open', 'commit'], code: 'timeout' },
  'nothing behind the first answer': {
    script: behindOpen((socket) => socket.resume()),
    does: ['commit'],
    code: 'timeout',
  },
  'the longest refusal, byte by byte': {
    script: behindOpen((socket) => {
      drip(socket, longRefusal);
    }),
    does: ['commit'],
    code: 'timeout',
  },
  'an answer too late': {
    script: atOnce((socket) => {
      sendLate(socket, okAnswer(0n));
    }),
    does: ['open', 'commit'],
    code: 'timeout',
  },
  'fewer entries than it was sent': {
    script: behindOpen((socket) => socket.write(okAnswer(0n))),
    does: ['commit'],
    code: 'protocol',
  },
  'more entries than it was sent': {
    script: behindOpen((socket) => socket.write(okAnswer(1n << 40n))),
    does: ['commit'],
    code: 'protocol',
  },
  'more entries than there can be': {
    script: atOnce((socket) => socket.write(okAnswer(2n ** 64n - 1n, 2n ** 64n - 1n))),
    does: ['open', 'commit'],
    code: 'protocol',
  },
  'nothing, and takes nothing': {
    script: behindOpen((socket) => socket.pause()),
    does: ['feed'],
    code: 'none',
  },
};

describe('A server that sends', () => {
  it.each(Object.entries(cases))(
    `%s costs an error, and little memory (seed ${seed})`,
    async (_name, { script, does, code }) => {
      await using program = await HostileProgram.of({ folder });
      const address = await scriptedServer(script);
      const outcomes = await Promise.all(does.map((what) => program.run(waitsFor(code), what, address)));
      expect(outcomes).toEqual(does.map(() => ({ code, bounded: true })));
    },
    120_000,
  );
});

const guards: readonly Guard[] = [
  longestResult,
  {
    guard: 'the time for an answer',
    sent: 'nothing behind the first answer',
    change: { file: 'servers/link-connection.ts', find: '    }, answerMs);', replace: '    }, 1e8);' },
  },
  {
    guard: 'that a part of an answer is none',
    sent: 'the longest refusal, byte by byte',
    change: { file: 'servers/link-connection.ts', find: 'if (answered) ', replace: '' },
  },
  {
    guard: 'that an answer is to a question',
    sent: 'OK without end',
    change: {
      file: 'servers/source-session.ts',
      find: "(answer.kind === 'header') !== this.#confirmed",
      replace: 'false',
    },
  },
  {
    guard: 'that a server has what it acknowledges',
    sent: 'fewer entries than it was sent',
    change: { file: 'servers/link-connection.ts', find: 'request && !isDone(', replace: 'false && !isDone(' },
  },
  {
    guard: 'that a server has no more than it was sent',
    sent: 'more entries than it was sent',
    change: { file: 'servers/link-connection.ts', find: 'totalEntries > sent', replace: 'totalEntries < 0n' },
  },
  {
    guard: 'that entries take room',
    sent: 'more entries than there can be',
    change: { file: 'servers/link-connection.ts', find: 'totalLength >= ', replace: '0n <= ' },
  },
  {
    guard: 'the window',
    sent: 'nothing, and takes nothing',
    change: {
      file: 'servers/server-group.ts',
      find: 'return this.#unsettledBytes > this.#options.windowBytes',
      replace: 'return false',
    },
  },
];

describe('What keeps a source safe is missed where it is taken out:', () => {
  it.each(guards)(
    '$guard',
    async ({ sent, package: changedFolder = folder, change }) => {
      await using program = await HostileProgram.of({ folder, changedFolder, change });
      const { script, does, code } = cases[sent]!;
      const address = await scriptedServer(script);
      expect(await program.run(waitsUnguarded, does.at(-1)!, address)).not.toEqual({ code, bounded: true });
    },
    120_000,
  );
});
