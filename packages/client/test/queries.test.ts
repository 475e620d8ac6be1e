// Goal: single questions are answered, also many at once, and also when the connection they share has ended meanwhile.
import { describe, expect, it, onTestFinished } from 'vitest';

import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import { goldenStream, serve } from '../../server/test/support/stream.js';
import { StreamClient, type FollowState } from '../src/index.js';
import { defaultOptions } from '../src/settings.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect, key } from './support/follow.js';

describe('A query', () => {
  it('for the header, an entry or a bookmark is answered', async () => {
    const asking = client(addressOf(await serve(await goldenStream())));
    expect(await asking.header()).toEqual(goldenHeader);
    expect(await asking.entry(1n)).toEqual(goldenEntries[1]);
    expect(await asking.entry(0n)).toEqual(goldenEntries[0]);
    expect(await asking.bookmark(key)).toEqual(goldenEntries[1]);
  });

  it('for what is not there is answered by nothing', async () => {
    const asking = client(addressOf(await serve(await goldenStream())));
    expect(await asking.entry(3n)).toBeUndefined();
    expect(await asking.entry(2n ** 64n - 1n)).toBeUndefined();
    expect(await asking.bookmark(Uint8Array.of(1))).toBeUndefined();
  });

  it('shares one connection with all others, and answers find back', async () => {
    const server = await serve(await goldenStream());
    const asking = client(addressOf(server));
    const asked = Array.from({ length: 200 }, (_none, at) => asking.entry(BigInt(at % 4)));
    expect(await Promise.all(asked)).toEqual(asked.map((_none, at) => goldenEntries[at % 4]));
    expect(server.clientCount).toBe(1);
  });

  it('that makes no sense harms no other', async () => {
    const server = await serve(await goldenStream());
    const asking = client(addressOf(server));
    const wrong = [
      asking.entry(-1n),
      asking.bookmark(new Uint8Array(17)),
      asking.bookmark(new Uint8Array(0)),
      asking.bookmark('text' as unknown as Uint8Array),
      asking.entry(1 as unknown as bigint),
    ];
    const refused = { name: 'ClientError', code: 'bad-option' };
    const refusals = wrong.map((query) => expect(query).rejects.toMatchObject(refused));
    const right = asking.header();
    await Promise.all(refusals);
    expect(await right).toEqual(goldenHeader);
    expect(server.clientCount).toBe(1);
  });

  it('with the stream type of another stream is refused, with what to look at', async () => {
    const server = addressOf(await serve(await goldenStream()));
    await expect(client(server, { streamType: 2n }).header()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('is this its port for clients, and 2 its stream type?') as string,
    });
  });

  it('is asked on a new connection when the server has ended the idle one', async () => {
    const server = await FakeServer.start(
      answering((_command, socket, nth) => {
        if (nth === 0) socket.end(headerAnswer);
        return nth === 0 ? undefined : headerAnswer;
      }),
    );
    const asking = client(server.address);
    expect(await asking.header()).toEqual(goldenHeader);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await asking.header()).toEqual(goldenHeader);
    expect(server.connections).toBe(2);
  });

  it('is asked once more when the connection ends under it, and not for ever', async () => {
    const server = await FakeServer.start(
      answering((command, socket) => {
        if (command.kind === 'header') return headerAnswer;
        socket.destroy();
        return undefined;
      }),
    );
    const asking = client(server.address);
    await asking.header();
    await expect(asking.entry(1n)).rejects.toMatchObject({ code: 'disconnected' });
    expect(server.connections).toBe(2);
    expect(await asking.header()).toEqual(goldenHeader);
  });
});

describe('Reaching a server', () => {
  it('waits until it is there', async () => {
    const file = await goldenStream();
    const first = await serve(file);
    const { port } = first.clientAddress;
    await first.close();
    const reaching = client(`127.0.0.1:${port}`, { retry: { attemptsMax: 1_000 } }).reach();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await serve(file, { clients: { host: '127.0.0.1', port } });
    expect(await reaching).toEqual(goldenHeader);
  });

  it('tries each of several once before it waits', async () => {
    const states: string[] = [];
    const onState = ({ kind }: FollowState): void => void states.push(kind);
    const nowhere = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];
    const asking = client(nowhere, { retry: { attemptsMax: 1, firstMs: 1 }, onState });
    await expect(asking.reach()).rejects.toMatchObject({ code: 'connect' });
    const round = nowhere.flatMap(() => ['connecting', 'reconnecting']);
    // After the last failure nothing follows.
    expect(states).toEqual([...round, ...round.slice(0, -1)]);
  });

  it('keeps the connection for what is asked then, also when it was given up on meanwhile', async () => {
    const server = await FakeServer.start(answering(({ kind }) => (kind === 'header' ? headerAnswer : OK)));
    const asking = client(['127.0.0.1:1', server.address]);
    const abort = new AbortController();
    expect(await asking.reach({ signal: abort.signal })).toEqual(goldenHeader);
    abort.abort();
    expect(await asking.header()).toEqual(goldenHeader);
    expect(server.connections).toBe(1);
  });

  it('can be given up', async () => {
    const abort = new AbortController();
    const reaching = client('127.0.0.1:1', { retry: { attemptsMax: 1_000 } }).reach({ signal: abort.signal });
    const enough = new Error('enough');
    setTimeout(() => {
      abort.abort(enough);
    }, 20);
    await expect(reaching).rejects.toBe(enough);
  });
});

describe('An address', () => {
  it.each(['localhost', 'localhost:', ':6900', 'localhost:0', 'localhost:65536', '::1:6900', '', 'a:b:1'])(
    'that is none is refused: "%s"',
    (server) => {
      expect(() => new StreamClient({ server })).toThrow(expect.objectContaining({ code: 'bad-option' }));
    },
  );

  it('can be a name', async () => {
    const server = await serve(await goldenStream());
    const asking = client(`localhost:${server.clientAddress.port}`);
    expect(await asking.header()).toEqual(goldenHeader);
    expect(await collect(asking, { count: 3n })).toHaveLength(3);
  });

  it('can be given in parts, which are checked too', () => {
    expect(() => new StreamClient({ server: { host: 'localhost', port: 70_000 } })).toThrow(
      'localhost:70000',
    );
    expect(() => new StreamClient({ server: { host: '::1', port: 6900 } })).not.toThrow();
    expect(() => new StreamClient({ server: '[::1]:6900' })).not.toThrow();
  });
});

describe('Options', () => {
  it.each([
    { connectMs: 0 },
    { answerMs: -1 },
    { answerMs: Number.POSITIVE_INFINITY },
    { silenceMs: Number.NaN },
    { bufferBytes: 0 },
    { retry: { attemptsMax: -1 } },
    { retry: { firstMs: Number.NaN } },
    { retry: { longestMs: Number.POSITIVE_INFINITY } },
    { streamType: 2n ** 64n },
    { streamType: 1 as unknown as bigint },
    { server: undefined as unknown as string },
    { tls: { cert: 'no certificate', key: 'no key' } },
  ])('that make no sense are refused: %o', (options) => {
    expect(() => new StreamClient({ server: 'localhost:6900', ...options })).toThrow(
      expect.objectContaining({ code: 'bad-option' }),
    );
  });

  it('that are undefined are not given', async () => {
    const nothing = Object.fromEntries(Object.keys(defaultOptions).map((name) => [name, undefined]));
    const server = addressOf(await serve(await goldenStream()));
    const retry = { attemptsMax: undefined };
    const asking = new StreamClient({ ...nothing, server, tls: undefined, token: undefined, retry });
    onTestFinished(() => asking.close());
    expect(await asking.header({ signal: undefined })).toEqual(goldenHeader);
    const all = { from: undefined, count: undefined, types: undefined, signal: undefined };
    expect(await collect(asking, { ...all, until: 2n })).toHaveLength(3);
  });

  it('say in the error what was given, and what is expected', () => {
    expect(() => new StreamClient({ server: 'a:1', connectMs: '5' as unknown as number })).toThrow(
      "connectMs is '5': expected 1 to 2147483647",
    );
    expect(() => new StreamClient({ server: 'a:1' }).follow({ from: 'earliest' as 'latest' })).toThrow(
      "from is 'earliest': expected a bigint from 0n to 2n ** 64n - 1n or a bookmark's key, `latest`, or a position",
    );
  });

  it.each<[string, object]>([
    ['a count that is negative', { count: -1n }],
    ['a count beside types that is negative', { count: -1n, types: [1] }],
    ['a count that is no bigint', { count: 1 }],
    ['an end that is no bigint', { until: 1 }],
    ['a count and an end', { count: 1n, until: 1n, types: [1] }],
    ['a start that is no bigint', { from: 1 }],
    ['a start that is text', { from: 'earliest' }],
    ['a start above a u64', { from: 2n ** 64n }],
    ['a position that is none', { from: { nextEntry: 1 } }],
    ['a bookmark that is too long', { from: new Uint8Array(17) }],
    ['a bookmark of no byte', { from: new Uint8Array(0) }],
    ['a type that is no u32', { types: [1, -1] }],
    ['a type that is text', { types: ['1'] }],
  ])('of following that make no sense are refused at once: %s', (_what, options) => {
    const asking = new StreamClient({ server: '127.0.0.1:1' });
    const refused = expect.objectContaining({ name: 'ClientError', code: 'bad-option' }) as Error;
    expect(() => asking.follow(options)).toThrow(refused);
    expect(() => asking.followBatches(options)).toThrow(refused);
  });
});
