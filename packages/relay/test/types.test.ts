// Goal: the types say what a relay may be told, and what it tells. The compiler checks this file; running it checks nothing more.
import { expectTypeOf, it } from 'vitest';
import type { Header } from '@ds/codec';

import type { RelayError, RelayErrorCode, StreamRelay, StreamRelayOptions } from '../src/index.js';

interface Least<Upstream> {
  upstream: Upstream;
  path: string;
  clients: { port: number };
}

it('A relay has one upstream or several, and is told how to connect to them as a client is', () => {
  expectTypeOf<Least<string>>().toExtend<StreamRelayOptions>();
  expectTypeOf<Least<{ host: string; port: number }>>().toExtend<StreamRelayOptions>();
  expectTypeOf<Least<['a:1', { host: 'b'; port: 2 }]>>().toExtend<StreamRelayOptions>();
  expectTypeOf<Least<string> & { tls: true; token: string }>().toExtend<StreamRelayOptions>();
  expectTypeOf<Least<string> & { tls: { ca: string }; token: Uint8Array }>().toExtend<StreamRelayOptions>();
  expectTypeOf<Least<number>>().not.toExtend<StreamRelayOptions>();
  expectTypeOf<Omit<Least<string>, 'path'>>().not.toExtend<StreamRelayOptions>();
});

it('A relay says what it has, how it is, and how it ends', () => {
  expectTypeOf<typeof StreamRelay.start>().parameters.toEqualTypeOf<
    [StreamRelayOptions, (AbortSignal | undefined)?]
  >();
  expectTypeOf<StreamRelay['header']>().toEqualTypeOf<Header>();
  expectTypeOf<StreamRelay['following']>().toEqualTypeOf<boolean>();
  expectTypeOf<StreamRelay['finished']>().resolves.toBeVoid();
  expectTypeOf<StreamRelay>().toExtend<AsyncDisposable>();
  expectTypeOf<RelayError['code']>().toEqualTypeOf<RelayErrorCode>();
});
