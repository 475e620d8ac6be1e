/**
 * Goal: a bar on a real terminal while a client is behind, nothing in a pipe, and a clean terminal when it is interrupted.
 * Method: a server that stalls midway, and a terminal by `script`.
 */

import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startOnTerminal, terminalAfter, whyNoTerminal } from '@ds/app-kit/testing';
import { clientPath, serveStream, startClient, type ServedStream } from './support/stream.js';

const entries = Array.from({ length: 100 }, (_, value) => ({
  type: 1,
  data: new Uint8Array(1000).fill(value),
}));
const PASSED_BYTES = 40_000;
const reason = whyNoTerminal();

/** A stream, and a way to it that lets its first 40 entries or so pass and nothing more. */
async function stalling(): Promise<{ stream: ServedStream; address: string } & AsyncDisposable> {
  const stream = await serveStream(entries);
  const way: Server = createServer((near) => {
    const far = connect(stream.server.clientAddress);
    let left = PASSED_BYTES;
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      near.write(chunk.subarray(0, left));
      left = Math.max(0, left - chunk.length);
    });
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].map((each) => each.destroy()));
    }
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  return {
    stream,
    address: `127.0.0.1:${(way.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => way.close(resolve));
      await stream[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(reason !== undefined)(
  `On a terminal${reason === undefined ? '' : ` (skipped: ${reason})`}, ds-client`,
  () => {
    it.each([
      ['beside its entries', ''],
      ['alone', ' > /dev/null'],
    ])(
      'shows how far it is, %s, and leaves the terminal clean when it is interrupted',
      async (_how, redirection) => {
        await using way = await stalling();
        await using client = startOnTerminal(`${clientPath} --server ${way.address} follow${redirection}`);
        await client.writes('out', /\d+%\s+\d+ of 100 entries/);
        // As Ctrl-C is typed.
        client.child.stdin.write('\u0003');
        const { status, out } = await client.ended();
        expect(status).toBe(0);
        const { lines, ...state } = terminalAfter(out);
        expect(state).toEqual({ isCursorVisible: true, wraps: true });
        expect(lines.slice(-2)).toEqual([expect.stringMatching(/^\[.*INFO: stopping: SIGINT$/), '']);
        expect(lines.join('\n')).not.toContain(' of 100 entries');
      },
    );
  },
);

it('In a pipe, ds-client shows nothing but entries', async () => {
  await using way = await stalling();
  await using client = startClient(way.address, 'follow', '--log-level', 'error');
  await client.writes('out', /^ +30 /m);
  const { status, err } = await client.stop('SIGINT');
  expect({ status, err }).toEqual({ status: 0, err: '' });
});
