// Goal: an upstream that asks for a token, or speaks TLS, is followed by a relay that has what it takes, and by no other; and
// no other upstream is trusted. Method: real servers on real sockets.
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

import { certificateFiles, certificates } from '@ds/test-kit';
import { StreamRelay } from '../src/index.js';
import { addressOf, caughtUp, relayOptions, startRelay, type Changes } from './support/relay.js';
import { bytesAt, named, temporaryPath, textsAt, textsOf, Upstream } from './support/stream.js';

const token = 'open sesame';
const trusting = { ca: certificates.authority };
const once = { retry: { attemptsMax: 0 } };

/** An upstream with five entries that speaks TLS and asks for the token. */
async function guarded(): Promise<Upstream> {
  const { tls } = await certificateFiles(dirname(await temporaryPath()));
  const upstream = await Upstream.start({}, { tls, token: Buffer.from(token) });
  await upstream.append(named('entry', 5));
  return upstream;
}

async function refusal(upstream: Upstream, changes: Changes): Promise<unknown> {
  const options = await relayOptions(upstream.address, { ...once, ...changes });
  return StreamRelay.start(options).then(
    async (relay) => {
      await relay.close();
      return undefined;
    },
    (error: unknown) => error,
  );
}

describe('An upstream with TLS and a token', () => {
  it('is followed, over lost connections too', async () => {
    const upstream = await guarded();
    const relay = await startRelay(upstream.address, { tls: trusting, token });
    await caughtUp(relay, upstream.file);
    await upstream.stop();
    await upstream.start();
    await upstream.append(named('later', 2));
    await caughtUp(relay, upstream.file);
    expect(await textsAt(addressOf(relay))).toEqual([...textsOf('entry', 5), ...textsOf('later', 2)]);
  });

  it.each([
    ['another token', { tls: trusting, token: 'open wheat' }, 'unauthorized'],
    ['no token', { tls: trusting }, 'unauthorized'],
    ['an authority that has not signed', { tls: { ca: certificates.strangers }, token }, 'connect'],
    ['no authority of its own', { tls: true, token }, 'connect'],
  ])('is not followed with %s', async (_name, changes, code) => {
    const upstream = await guarded();
    expect(await refusal(upstream, changes)).toMatchObject({
      name: 'RelayError',
      code: 'upstream',
      cause: { code },
      message: expect.stringContaining(upstream.address) as string,
    });
  });

  it('is not spoken to in the clear', async () => {
    expect(await refusal(await guarded(), { token })).toMatchObject({ code: 'upstream' });
  });
});

describe('A token for an upstream', () => {
  it('works without TLS, and is not asked of the own clients', async () => {
    const upstream = await Upstream.start({}, { token: Buffer.from(token) });
    await upstream.append(named('entry', 5));
    const relay = await startRelay(upstream.address, { token });
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).length).toBeGreaterThan(0);
  });
});
