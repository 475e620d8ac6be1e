// Goal: a file that is not of the upstream's stream is never served. The relay says what is wrong, and stops, truncates, or
// starts with an empty file, as it was told. Method: each way in which an upstream can become another one, met at the start
// and while following, under each policy.
import { describe, expect, it } from 'vitest';
import { StreamClient, type ClientError } from '@ds/client';
import { result, ResultCode } from '@ds/codec';

import { StreamRelay, type StreamRelayOptions } from '../src/index.js';
import {
  addressOf,
  caughtUp,
  collectWarnings,
  relayOptions,
  startRelay,
  type Changes,
} from './support/relay.js';
import {
  bytesAt,
  bytesIn,
  host,
  named,
  temporaryPath,
  textsAt,
  textsOf,
  until,
  Upstream,
} from './support/stream.js';

type Policy = NonNullable<StreamRelayOptions['onMismatch']>;

const shared = 700;
const tail = named('tail', 3);

interface Kind {
  /** What the upstream becomes, which had `shared` entries and the tail before. */
  readonly change: (upstream: Upstream) => Promise<void>;
  /** What the relay says of it. */
  readonly reason: string;
  /** Entries that both have in common, if a file of the one can become a file of the other. */
  readonly common?: number;
}

const otherStreams: Record<string, Kind> = {
  'of another system id': {
    change: (upstream) => replace(upstream, { systemId: 138n }),
    reason: 'systemId is 137, not 138',
  },
  'of another version': {
    change: (upstream) => replace(upstream, { version: 4 }),
    reason: 'version is 3, not 4',
  },
};
const otherEntries: Record<string, Kind> = {
  'with fewer entries': {
    change: async (upstream) => {
      await upstream.server.truncateFile(BigInt(shared + 1));
    },
    reason: 'it holds 703 entries, the upstream 701',
    common: shared + 1,
  },
  'with no entries': {
    change: async (upstream) => {
      await upstream.server.truncateFile(0n);
    },
    reason: 'it holds 703 entries, the upstream 0',
    common: 0,
  },
  'whose last entry differs': {
    change: async (upstream) => {
      await upstream.server.truncateFile(BigInt(shared + 2));
      await upstream.append(named('other', 1));
    },
    reason: "its entry 702 is not the upstream's",
    common: shared + 2,
  },
  'that was cut and has grown longer': {
    change: async (upstream) => {
      await upstream.server.truncateFile(BigInt(shared));
      await upstream.append(named('other', 40));
    },
    reason: "its entry 700 is not the upstream's",
    common: shared,
  },
  'that was cut and has grown to the same length and last entry': {
    change: async (upstream) => {
      await upstream.server.truncateFile(BigInt(shared));
      await upstream.append([...named('other', 2), tail[2]!]);
    },
    reason: "its entry 700 is not the upstream's",
    common: shared,
  },
  'that differs from the first entry on': {
    change: (upstream) => replace(upstream, {}),
    reason: "its entry 447 is not the upstream's",
    common: 0,
  },
};

async function replace(upstream: Upstream, changes: { systemId?: bigint; version?: number }): Promise<void> {
  await upstream.replace(changes);
  await upstream.append(named('of another stream', 800));
}

/** An upstream, and a relay's file that is a copy of it. */
async function copied(): Promise<{ upstream: Upstream; path: string }> {
  const upstream = await Upstream.start();
  const path = await temporaryPath('relay.bin');
  await upstream.append(named('shared', shared));
  await upstream.append(tail);
  const relay = await following(upstream, { path });
  await relay.close();
  return { upstream, path };
}

async function following(upstream: Upstream, changes: Changes): Promise<StreamRelay> {
  const relay = await startRelay(upstream.address, changes);
  await caughtUp(relay, upstream.file);
  return relay;
}

const cases = (kinds: Record<string, Kind>, policies: readonly Policy[]): [string, Policy, Kind][] =>
  Object.entries(kinds).flatMap(([name, kind]) =>
    policies.map((policy) => [name, policy, kind] as [string, Policy, Kind]),
  );

const stopping = [...cases(otherStreams, ['stop', 'truncate']), ...cases(otherEntries, ['stop'])];
const goingOn = [...cases(otherStreams, ['restart']), ...cases(otherEntries, ['truncate', 'restart'])];

describe('A relay that finds, when it starts, its upstream to be a stream', () => {
  it.each(stopping)('%s: stops, and leaves its file alone, told to %s', async (_name, onMismatch, kind) => {
    const { upstream, path } = await copied();
    const before = await bytesIn(path);
    await kind.change(upstream);
    const options = await relayOptions(upstream.address, { path, onMismatch });
    const stopped = expect(StreamRelay.start(options)).rejects;
    await stopped.toMatchObject({ name: 'RelayError', code: 'mismatch' });
    await stopped.toThrow(kind.reason);
    await stopped.toThrow(path);
    await stopped.toThrow(upstream.address);
    expect((await bytesIn(path)).equals(before)).toBe(true);
  });

  it.each(goingOn)('%s: warns, and has that stream then, told to %s', async (_name, onMismatch, kind) => {
    const { upstream, path } = await copied();
    await kind.change(upstream);
    const { warnings, logger } = collectWarnings();
    const relay = await startRelay(upstream.address, { path, onMismatch, logger });
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
    expect(relay.header).toEqual(upstream.file.header);
    expect(warnings).toMatchObject([
      { fields: { path, reason: expect.stringContaining(kind.reason) as string } },
    ]);
    if (onMismatch === 'truncate')
      expect(warnings).toMatchObject([{ fields: { kept: BigInt(kind.common ?? -1) } }]);
  });
});

describe('A relay that finds, while it follows, its upstream to be a stream', () => {
  it.each(stopping)(
    '%s: stops with its clients disconnected and its file left alone, told to %s',
    async (_name, onMismatch, kind) => {
      const { upstream, path } = await copied();
      const before = await bytesIn(path);
      const relay = await following(upstream, { path, onMismatch });
      await using client = new StreamClient({ server: addressOf(relay), retry: { attemptsMax: 0 } });
      const reading = readToEnd(client, relay.header.totalEntries);
      await reading.atTip;
      await kind.change(upstream);
      await expect(relay.finished).rejects.toMatchObject({
        code: 'mismatch',
        message: expect.stringContaining(kind.reason) as string,
      });
      await expect(reading.ended).rejects.toMatchObject({ code: 'disconnected' });
      await expect(client.header()).rejects.toMatchObject({ code: 'connect' });
      await relay.close();
      expect((await bytesIn(path)).equals(before)).toBe(true);
    },
  );

  it.each(goingOn)(
    '%s: has that stream then, at the same address, with its clients disconnected, told to %s',
    async (_name, onMismatch, kind) => {
      const { upstream, path } = await copied();
      const relay = await following(upstream, { path, onMismatch });
      const address = addressOf(relay);
      await using client = new StreamClient({ server: address, retry: { attemptsMax: 0 } });
      const reading = readToEnd(client, relay.header.totalEntries);
      await reading.atTip;
      await kind.change(upstream);
      await expect(reading.ended).rejects.toMatchObject({ code: 'disconnected' });
      await caughtUp(relay, upstream.file);
      await upstream.append(named('and on', 1));
      await caughtUp(relay, upstream.file);
      expect(addressOf(relay)).toBe(address);
      expect((await bytesAt(address)).equals(await bytesAt(upstream.address))).toBe(true);
    },
  );

  it('asks its clients for the same token as before', async () => {
    const { upstream, path } = await copied();
    const clients = { host, port: 0, token: Buffer.from('sesame') };
    const relay = await following(upstream, { path, onMismatch: 'restart', clients });
    await replace(upstream, { systemId: 138n });
    await until('the relay has the other stream', () => relay.header.systemId === 138n);
    await using client = new StreamClient({ server: addressOf(relay), retry: { attemptsMax: 0 } });
    const answer = (): Promise<string[]> =>
      client.header().then(
        () => ['let in'],
        (error: unknown) => [(error as ClientError).result?.text ?? 'not answered'],
      );
    await eventually(answer, [result(ResultCode.unauthorized).text]);
  });

  it('of another type stops, as it is refused', async () => {
    const { upstream, path } = await copied();
    const relay = await following(upstream, { path, onMismatch: 'restart' });
    await upstream.replace({ streamType: 2n });
    await expect(relay.finished).rejects.toMatchObject({ code: 'upstream' });
  });
});

describe('A file of another stream type', () => {
  it.each(['stop', 'truncate', 'restart'] as const)(
    'is treated like any other mismatch: %s',
    async (onMismatch) => {
      const { path } = await copied();
      const upstream = await Upstream.start({ streamType: 2n });
      await upstream.append(named('of another type', 2));
      const starting = startRelay(upstream.address, { path, onMismatch, streamType: 2n });
      if (onMismatch === 'restart') await caughtUp(await starting, upstream.file);
      else await expect(starting).rejects.toThrow('streamType is 1, not 2');
    },
  );
});

describe('A chain of relays that truncate', () => {
  it('follows a truncation at its head to its end', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('shared', 20));
    await upstream.append(named('old', 20));
    const first = await startRelay(upstream.address, { onMismatch: 'truncate' });
    const second = await startRelay(addressOf(first), { onMismatch: 'truncate' });
    const third = await startRelay(addressOf(second), { onMismatch: 'truncate' });
    const relays = [first, second, third];
    for (const relay of relays) await caughtUp(relay, upstream.file);
    await upstream.server.truncateFile(20n);
    await upstream.append(named('new', 25));
    const expected = [...textsOf('shared', 20), ...textsOf('new', 25)];
    await eventually(() => textsAt(addressOf(third)), expected);
    for (const relay of relays) expect(await textsAt(addressOf(relay))).toEqual(expected);
  });

  it('tells a client that was sent more than there is', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 30));
    const relay = await following(upstream, { onMismatch: 'truncate' });
    await using client = new StreamClient({ server: addressOf(relay), retry: { firstMs: 2 } });
    const reading = readToEnd(client, 30n);
    await reading.atTip;
    await upstream.server.truncateFile(20n);
    await expect(reading.ended).rejects.toMatchObject({ code: 'beyond-end', totalEntries: 20n });
  });
});

describe('An upstream that has lost entries and got the same ones again', () => {
  it('is still the same stream: nobody notices', async () => {
    const { upstream, path } = await copied();
    const { warnings, logger } = collectWarnings();
    await upstream.server.truncateFile(BigInt(shared));
    await upstream.append([...tail, ...named('new', 1)]);
    const relay = await following(upstream, { path, logger });
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
    expect(warnings).toEqual([]);
  });
});

/** Waits, within the test's time, until asking gives what is expected; being disconnected meanwhile is no answer. */
async function eventually(ask: () => Promise<string[]>, expected: string[]): Promise<void> {
  for (;;) {
    const answer = await ask().catch(() => []);
    if (answer.join() === expected.join()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Follows a stream: `atTip` when so many entries have come, `ended` when it ends. */
function readToEnd(client: StreamClient, entries: bigint): { atTip: Promise<void>; ended: Promise<void> } {
  let reached = (): void => undefined;
  const atTip = new Promise<void>((resolve) => (reached = resolve));
  const read = async (): Promise<void> => {
    for await (const { firstEntry, count } of client.followBatches()) {
      if (firstEntry + BigInt(count) >= entries) reached();
    }
  };
  const ended = read();
  ended.catch(reached);
  return { atTip, ended };
}
