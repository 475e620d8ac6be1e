// Goal: the public types say what may be passed and what comes back. The compiler is what tests this: `tsc` looks at each of
// these as at any other code.
import { expectTypeOf, it } from 'vitest';
import type { Header } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import type {
  AtomicOperation,
  Commit,
  Outbox,
  ServerState,
  SourceError,
  SourceErrorCode,
  StoredEntries,
  StoredOperation,
  StreamSource,
  StreamSourceOptions,
  WaitOptions,
} from '../src/index.js';

it('A stream file is an outbox', () => {
  expectTypeOf<StreamFile>().toExtend<Outbox>();
  expectTypeOf<NonNullable<Outbox['operationAt']>>().returns.toEqualTypeOf<StoredOperation | undefined>();
  expectTypeOf<Awaited<ReturnType<Outbox['read']>>>().toEqualTypeOf<StoredEntries | undefined>();
});

it('An operation is a handle that can be used up by its scope', () => {
  expectTypeOf<StreamSource['startAtomicOp']>().returns.resolves.toEqualTypeOf<AtomicOperation>();
  expectTypeOf<AtomicOperation>().toExtend<Disposable & AsyncDisposable>();
  expectTypeOf<AtomicOperation['commit']>().returns.resolves.toEqualTypeOf<Commit>();
  expectTypeOf<AtomicOperation['addEntry']>().parameters.toEqualTypeOf<[number, Uint8Array]>();
  expectTypeOf<AtomicOperation['addBookmark']>().parameters.toEqualTypeOf<[Uint8Array]>();
  expectTypeOf<AtomicOperation['commit']>().parameters.toEqualTypeOf<[(WaitOptions | undefined)?]>();
  expectTypeOf<AtomicOperation['rollback']>().returns.toBeVoid();
  expectTypeOf<Commit>().toEqualTypeOf<{ readonly firstEntry: bigint; readonly nextEntry: bigint }>();
});

it('A source says what it needs, and no more', () => {
  expectTypeOf<{ servers: string[]; systemId: bigint }>().toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string; systemId: bigint }>().toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[] }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[]; systemId: number }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<StreamSource['header']>().returns.resolves.toEqualTypeOf<Header>();
  expectTypeOf<{
    servers: string[];
    systemId: bigint;
    tls: { ca: string };
    token: string;
  }>().toExtend<StreamSourceOptions>();
  expectTypeOf<{
    servers: { host: string; port: number }[];
    systemId: bigint;
  }>().toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[]; systemId: bigint; quorum: 'most' }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<{ servers: string[]; systemId: bigint; epoch: number }>().not.toExtend<StreamSourceOptions>();
  expectTypeOf<typeof StreamSource.open>().parameters.toEqualTypeOf<
    [StreamSourceOptions, (WaitOptions | undefined)?]
  >();
  expectTypeOf<typeof StreamSource.open>().returns.resolves.toEqualTypeOf<StreamSource>();
  expectTypeOf<StreamSource>().toExtend<AsyncDisposable>();
});

it('What changes the stream in its middle takes numbers as bigints, and can be waited for', () => {
  expectTypeOf<StreamSource['nextEntry']>().toEqualTypeOf<bigint>();
  expectTypeOf<StreamSource['truncate']>().parameters.toEqualTypeOf<[bigint, (WaitOptions | undefined)?]>();
  expectTypeOf<StreamSource['updateEntry']>().parameters.toEqualTypeOf<
    [bigint, number, Uint8Array, (WaitOptions | undefined)?]
  >();
  expectTypeOf<StreamSource['startAtomicOp']>().parameters.toEqualTypeOf<[(WaitOptions | undefined)?]>();
});

it('States and errors say which they are, and have what belongs to that', () => {
  expectTypeOf<ServerState['kind']>().toEqualTypeOf<'connected' | 'disconnected' | 'left-out'>();
  expectTypeOf<Extract<ServerState, { kind: 'connected' }>['totalEntries']>().toEqualTypeOf<bigint>();
  expectTypeOf<Extract<ServerState, { kind: 'left-out' }>['error']>().toEqualTypeOf<SourceError>();
  expectTypeOf<SourceError['code']>().toEqualTypeOf<SourceErrorCode>();
  expectTypeOf<string>().not.toExtend<SourceErrorCode>();
  expectTypeOf<NonNullable<SourceError['result']>['text']>().toEqualTypeOf<string>();
});
