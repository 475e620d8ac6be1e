/** Goal: an app that is told nothing serves as the libraries do by themselves; what it is told arrives. */

import { describe, expect, it } from 'vitest';
import { defineApp, parseApp } from '@ds/app-kit';
import { defaultLimits } from '@ds/server';
import {
  clientAccessOf,
  clientAccessOptions,
  limitOptions,
  limitsOf,
  sourceAccessOf,
  sourceAccessOptions,
  sourceLimitOptions,
  storageOf,
  storageOptions,
} from '../src/index.js';

const app = defineApp({
  name: 'ds-sample',
  version: '1.0.0',
  description: 'Serves.',
  options: {
    ...storageOptions,
    ...limitOptions,
    ...sourceLimitOptions,
    ...clientAccessOptions,
    ...sourceAccessOptions,
  },
  main: () => Promise.resolve(),
});

type Given = Parameters<typeof limitsOf>[0] &
  Parameters<typeof storageOf>[0] &
  Parameters<typeof clientAccessOf>[0] &
  Parameters<typeof sourceAccessOf>[0];

function parsed(...argv: string[]): Given {
  const invocation = parseApp(app, { argv, env: {}, readFile: () => '{}' });
  if (invocation.kind === 'print') throw new Error('nothing to run');
  return invocation.options as Given;
}

describe('what an app is told of its limits', () => {
  it("is the server's own when nothing is said", () => {
    expect(limitsOf(parsed())).toEqual(defaultLimits);
  });

  it.each([
    ['--client-buffer', '8KiB', { sendBytesMax: 8192 }],
    ['--clients-max', '7', { clientsMax: 7 }],
    ['--clients-per-address-max', '7', { clientsPerAddressMax: 7 }],
    ['--sources-max', '7', { sourcesMax: 7 }],
    ['--handshake-timeout', '7s', { handshakeMs: 7000 }],
    ['--first-command-timeout', '7s', { firstCommandMs: 7000 }],
    ['--command-timeout', '7s', { commandMs: 7000 }],
    ['--idle-timeout', '7s', { idleMs: 7000 }],
    ['--queries-per-second-max', '7', { queriesPerSecondMax: 7 }],
    ['--stall-timeout', '7s', { stallMs: 7000 }],
    ['--close-timeout', '7s', { closeMs: 7000 }],
  ])('arrives at the server: %s', (option, value, changed) => {
    expect(limitsOf(parsed(option, value))).toEqual({ ...defaultLimits, ...changed });
  });

  it.each([
    ['--clients-max', '0', '1 to'],
    ['--idle-timeout', '0s', '1ms'],
  ])('has to make sense: %s %s', (option, value, reason) => {
    expect(() => parsed(option, value)).toThrow(reason);
  });
});

describe('what an app is told of its stream file', () => {
  it('arrives at the file, memory in pages', () => {
    expect(
      storageOf(parsed('--durability', 'interval', '--sync-interval', '20ms', '--cache-size', '5MiB')),
    ).toEqual({ durability: 'interval', syncIntervalMs: 20, windowBytes: 8 << 20, cachePages: 5 });
  });

  it.each([
    ['--durability', 'sometimes', 'one of always, interval, os'],
    ['--cache-size', '1MiB', 'at least 2MiB'],
  ])('has to make sense: %s %s', (option, value, reason) => {
    expect(() => parsed(option, value)).toThrow(reason);
  });
});

describe('what an app is told of who may connect', () => {
  const token = Uint8Array.from(Buffer.from('sesame'));

  it('is nobody in particular, in the clear, when nothing is said', async () => {
    expect(await clientAccessOf(parsed())).toEqual({});
    expect(await sourceAccessOf(parsed())).toEqual({});
  });

  it('arrives at the port that it is about', async () => {
    const clients = ['--client-token', 'sesame', '--client-tls-cert', 'a', '--client-tls-key', 'b'];
    expect(await clientAccessOf(parsed(...clients))).toEqual({ token, tls: { certFile: 'a', keyFile: 'b' } });
    expect(await sourceAccessOf(parsed(...clients))).toEqual({});
    const source = ['--source-tls-cert', 'a', '--source-tls-key', 'b', '--source-tls-ca', 'c'];
    const tls = { certFile: 'a', keyFile: 'b', clientCaFile: 'c' };
    expect(await sourceAccessOf(parsed('--token', ' sesame\n', ...source))).toEqual({ token, tls });
    expect(await clientAccessOf(parsed('--token', 'sesame', ...source))).toEqual({});
  });

  it.each([
    [['--client-token', 'a', '--client-token-file', 'b'], 'either --client-token or --client-token-file'],
    [['--client-token', ' '], 'no token in --client-token'],
    [['--client-tls-key', 'b'], 'both --client-tls-cert and --client-tls-key'],
    [['--client-tls-ca', 'c'], 'both --client-tls-cert and --client-tls-key'],
  ])('has to make sense: %s', async (args, reason) => {
    await expect(async () => clientAccessOf(parsed(...args))).rejects.toThrow(reason);
  });
});
