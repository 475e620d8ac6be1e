// Goal: the public types say what may be passed and what comes back. The compiler is what tests this: `tsc` looks at each of
// these as at any other code.
import { expectTypeOf, it } from 'vitest';
import type { Header } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import type { AtomicOperation, Commit, Outbox, StreamSource, StreamSourceOptions } from '../src/index.js';

it('A stream file is an outbox', () => {
  expectTypeOf<StreamFile>().toExtend<Outbox>();
});

it('An operation is a handle that can be used up by its scope', () => {
  expectTypeOf<StreamSource['startAtomicOp']>().returns.resolves.toEqualTypeOf<AtomicOperation>();
  expectTypeOf<AtomicOperation>().toExtend<Disposable & AsyncDisposable>();
  expectTypeOf<AtomicOperation['commit']>().returns.resolves.toEqualTypeOf<Commit>();
  expectTypeOf<AtomicOperation['addEntry']>().parameters.toEqualTypeOf<[number, Uint8Array]>();
  expectTypeOf<Commit['nextEntry']>().toEqualTypeOf<bigint>();
});

it('A source says what it needs, and no more', () => {
  expectTypeOf<{ servers: string[]; systemId: bigint }>().toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[] }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[]; systemId: number }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<StreamSource['header']>().returns.resolves.toEqualTypeOf<Header>();
  expectTypeOf<StreamSource>().toExtend<AsyncDisposable>();
});
