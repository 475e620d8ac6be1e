// Goal: the public types say what may be passed and what comes back. The compiler is what tests this: `tsc` looks at each of
// these as at any other code; running it checks that it leaves out no public name.
import type { ConnectionOptions } from 'node:tls';
import { expect, expectTypeOf, it } from 'vitest';
import type { StreamFile } from '@ds/stream-file';

import { untestedNames } from '../../codec/test/support/public-names.js';

import type {
  AtomicOperation,
  Commit,
  Header,
  Outbox,
  RetryOptions,
  ServerAddress,
  ServerState,
  SourceError,
  SourceErrorCode,
  StoredEntries,
  StoredOperation,
  StreamSource,
  StreamSourceOptions,
  TlsOptions,
  WaitOptions,
} from '../src/index.js';

it('All of them are looked at here', () => {
  expect(untestedNames('source')).toEqual([]);
});

it('A stream file is an outbox', () => {
  expectTypeOf<StreamFile>().toExtend<Outbox>();
  expectTypeOf<NonNullable<Outbox['operationAt']>>().returns.toEqualTypeOf<StoredOperation | undefined>();
  expectTypeOf<StoredOperation>().toEqualTypeOf<{
    readonly nextEntry: bigint;
    readonly commitTimeMs: bigint | undefined;
  }>();
  expectTypeOf<StoredEntries>().toEqualTypeOf<{ readonly bytes: Uint8Array; readonly nextOffset: number }>();
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
  expectTypeOf<Header['totalEntries']>().toEqualTypeOf<bigint>();
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

it('Options that may be left out may be undefined', () => {
  type Optional = Required<Omit<StreamSourceOptions, 'servers' | 'systemId' | 'dial'>>;
  type Undefined<T> = { [Name in keyof T]: undefined };
  expectTypeOf<Undefined<Optional> & { servers: string; systemId: bigint }>().toExtend<StreamSourceOptions>();
  expectTypeOf<WaitOptions>().toEqualTypeOf<{ readonly signal?: AbortSignal | undefined }>();
  expectTypeOf<RetryOptions>().toEqualTypeOf<{ readonly firstMs: number; readonly longestMs: number }>();
  expectTypeOf<ServerAddress>().toEqualTypeOf<{ readonly host: string; readonly port: number }>();
  expectTypeOf<TlsOptions>().toEqualTypeOf<
    Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout'>
  >();
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
