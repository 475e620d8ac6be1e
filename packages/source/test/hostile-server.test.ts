// Servers that send garbage, nothing, too much, or lies: the source names what is wrong, in bounded time and memory,
// and acknowledges nothing that was not acknowledged.
import { describe, expect, it } from 'vitest';
import { encodeResult, result, ResultCode } from '@ds/codec';

import { Random } from '@ds/test-kit';
import type { ServerState } from '../src/index.js';
import { commit, filled, openSource, send, until } from './support/operations.js';
import { okAnswer, refusal, scriptedServer } from './support/scripted-server.js';
import { TestServer } from './support/test-server.js';

const ok = encodeResult(result(ResultCode.ok));

describe('A server that is no stream server', () => {
  it.each([
    ['garbage', new Random(7).bytes(10_000).fill(0x48, 0, 1)],
    ['a web page', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a packet of 4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)],
    ['OK without end', Buffer.concat(Array.from({ length: 10_000 }, () => ok))],
    ['answers that nobody asked for', Buffer.concat([okAnswer(0n), okAnswer(0n)])],
  ])('is left out: it sends %s', async (_what, bytes) => {
    const address = await scriptedServer({ connected: (socket) => socket.write(bytes) });
    const states: ServerState[] = [];
    const opened = openSource([address], { onServerState: (state) => states.push(state), openMs: 2_000 });
    await opened.then((source) => commit(source, [filled(1)])).catch(() => undefined);
    await until(() => states.some(({ kind }) => kind === 'left-out'));
    expect(states.at(-1)).toMatchObject({ server: address, error: { code: 'protocol' } });
  });

  it('holds nobody up who can do without it', async () => {
    const address = await scriptedServer({ connected: (socket) => socket.write('nonsense') });
    const server = await TestServer.start();
    const source = await openSource([address, server.address]);
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
  });
});

describe('A server that says nothing', () => {
  it('is given up after the time for an answer', async () => {
    const address = await scriptedServer({});
    await expect(openSource([address], { answerMs: 50, openMs: 300 })).rejects.toMatchObject({
      code: 'no-server',
      message: expect.stringContaining(`${address}: no answer in 50 ms`) as string,
    });
  });

  it('but a byte now and then is given up no later', async () => {
    const answer = refusal(ResultCode.diskFull, 'x'.repeat(4096));
    const address = await scriptedServer({
      connected: (socket) => {
        let sent = 0;
        const timer = setInterval(() => socket.write(answer.subarray(sent, ++sent)), 10);
        socket.once('close', () => {
          clearInterval(timer);
        });
      },
    });
    await expect(openSource([address], { answerMs: 100, openMs: 1_000 })).rejects.toMatchObject({
      code: 'no-server',
      message: expect.stringContaining(`${address}: no answer in 100 ms`) as string,
    });
  });

  it('or takes nothing does not make the source hold more than its window', async () => {
    const address = await scriptedServer({
      connected: (socket) => {
        socket.once('data', () => {
          socket.write(okAnswer(0n));
          socket.pause();
        });
      },
    });
    const source = await openSource([address], { windowBytes: 1 << 20, answerMs: 10_000 });
    let sent = 0;
    const sending = (async () => {
      for (; sent < 100; sent++) await send(source, [filled(1, 500_000)]);
    })();
    sending.catch(() => undefined);
    await until(() => sent === 3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent).toBe(3);
    await source.abort();
    await expect(sending).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('A server that closes at once', () => {
  it('is tried again after waits that grow', async () => {
    let connections = 0;
    const address = await scriptedServer({
      connected: (socket) => {
        connections++;
        socket.end();
      },
    });
    const opened = openSource([address], { openMs: 500, retry: { firstMs: 20, longestMs: 200 } });
    await expect(opened).rejects.toMatchObject({ code: 'no-server' });
    expect(connections).toBeGreaterThanOrEqual(3);
    expect(connections).toBeLessThanOrEqual(12);
  });

  it('after it has let the source in, is tried no faster', async () => {
    let opens = 0;
    const address = await scriptedServer({
      message: ({ kind }, socket) => {
        if (kind === 'openSource') {
          opens++;
          socket.write(okAnswer(0n));
        } else if (kind === 'commitAtomicOp') {
          socket.end(refusal(ResultCode.diskFull));
        }
      },
    });
    const source = await openSource([address], { retry: { firstMs: 20, longestMs: 200 } });
    const { committed } = await send(source, [filled(1)]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(opens).toBeGreaterThanOrEqual(3);
    expect(opens).toBeLessThanOrEqual(12);
    await source.abort();
    await expect(committed).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('A server that lies', () => {
  it('about an operation that it does not have is found out', async () => {
    const address = await scriptedServer({
      message: ({ kind }, socket) => {
        if (kind === 'openSource' || kind === 'commitAtomicOp') socket.write(okAnswer(0n));
      },
    });
    const source = await openSource([address]);
    await expect(commit(source, [filled(1)])).rejects.toMatchObject({
      code: 'no-server',
      cause: { code: 'protocol', message: expect.stringContaining('0 entries') as string },
    });
  });

  it('about more than it was sent is found out', async () => {
    const address = await scriptedServer({
      message: ({ kind }, socket) => {
        if (kind === 'openSource') socket.write(okAnswer(0n));
        else if (kind === 'commitAtomicOp') socket.write(okAnswer(2n));
      },
    });
    const source = await openSource([address]);
    await expect(commit(source, [filled(1)])).rejects.toMatchObject({
      code: 'no-server',
      cause: { code: 'protocol', message: expect.stringContaining('2 entries where 1 were sent') as string },
    });
  });

  it.each([
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [1_000n, 4096n],
  ])('about a length that nothing can have is not written to: %s entries in %s bytes', async (...claim) => {
    const address = await scriptedServer({ connected: (socket) => socket.write(okAnswer(...claim)) });
    const states: ServerState[] = [];
    const opened = openSource([address], { onServerState: (state) => states.push(state) });
    await expect(opened).rejects.toMatchObject({ name: 'SourceError' });
    expect(states).toMatchObject([{ kind: 'left-out', error: { code: 'protocol' } }]);
  });

  it('about a truncation is found out', async () => {
    const address = await scriptedServer({
      message: ({ kind }, socket) => {
        if (kind === 'openSource' || kind === 'truncateFile') socket.write(okAnswer(5n));
      },
    });
    const source = await openSource([address]);
    await expect(source.truncate(2n)).rejects.toMatchObject({ cause: { code: 'protocol' } });
  });

  it('about the number that comes next is asked anew, until it fits', async () => {
    let mismatches = 0;
    const address = await scriptedServer({
      message: ({ kind }, socket) => {
        if (kind === 'openSource') socket.write(okAnswer(0n));
        else if (kind === 'commitAtomicOp' && mismatches++ < 2) socket.end(refusal(ResultCode.expectedEntry));
        else if (kind === 'commitAtomicOp') socket.write(okAnswer(1n));
      },
    });
    const source = await openSource([address]);
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
    expect(mismatches).toBe(3);
  });
});
