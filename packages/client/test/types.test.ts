// Goal: the types say what the client does: what is given, what may be asked for, and what may not. The compiler checks this
// file; running it checks that it leaves out no public name.
import type { ConnectionOptions } from 'node:tls';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { untestedNames } from '../../codec/test/support/public-names.js';

import type {
  BatchOptions,
  Checkpoint,
  ClientError,
  ClientErrorCode,
  Entry,
  EntryBatch,
  FileCheckpoint,
  Following,
  FollowOptions,
  FollowProgress,
  FollowState,
  Header,
  StreamClient,
  StreamClientOptions,
  StreamPosition,
  formatPosition,
  parsePosition,
  positionAfter,
  RetryOptions,
  ServerAddress,
  TlsOptions,
  WaitOptions,
} from '../src/index.js';

declare const client: StreamClient;

describe('The types', () => {
  it('are all looked at here', () => {
    expect(untestedNames('client')).toEqual([]);
  });

  it('of entries: what is a u64 is a bigint', () => {
    expectTypeOf<Entry>().toEqualTypeOf<{
      readonly type: number;
      readonly number: bigint;
      readonly data: Uint8Array;
    }>();
    expectTypeOf<Header>().toEqualTypeOf<{
      readonly version: number;
      readonly systemId: bigint;
      readonly streamType: bigint;
      readonly totalLength: bigint;
      readonly totalEntries: bigint;
    }>();
    expectTypeOf<Pick<EntryBatch, 'bytes' | 'firstEntry' | 'nextEntry' | 'count'>>().toEqualTypeOf<{
      readonly bytes: Uint8Array;
      readonly firstEntry: bigint;
      readonly nextEntry: bigint;
      readonly count: number;
    }>();
    expectTypeOf<EntryBatch['entry']>().toEqualTypeOf<(index: number) => Entry>();
    expectTypeOf<EntryBatch['type']>().toEqualTypeOf<(index: number) => number>();
    expectTypeOf<EntryBatch['data']>().toEqualTypeOf<(index: number) => Uint8Array>();
    expectTypeOf<FollowProgress>().toEqualTypeOf<{
      readonly nextEntry: bigint | undefined;
      readonly totalEntries: bigint | undefined;
      readonly lag: bigint | undefined;
      readonly entries: number;
      readonly bytes: number;
      readonly entriesPerSecond: number;
      readonly bytesPerSecond: number;
    }>();
  });

  it('of what is followed', () => {
    expectTypeOf<StreamClient['follow']>().returns.toEqualTypeOf<Following<Entry>>();
    expectTypeOf<StreamClient['followBatches']>().returns.toEqualTypeOf<Following<EntryBatch>>();
    expectTypeOf<Following<Entry>>().toExtend<AsyncIterable<Entry> & AsyncDisposable>();
    expectTypeOf<Following<Entry>['position']>().toEqualTypeOf<StreamPosition | undefined>();
    expectTypeOf<Following<Entry>['progress']>().toEqualTypeOf<FollowProgress>();
    expectTypeOf<EntryBatch>().toExtend<Iterable<Entry>>();
    const loop = async (): Promise<void> => {
      for await (const entry of client.follow()) expectTypeOf(entry).toEqualTypeOf<Entry>();
      for await (const batch of client.followBatches()) expectTypeOf(batch).toEqualTypeOf<EntryBatch>();
    };
    expectTypeOf(loop).returns.resolves.toBeVoid();
  });

  it('of what can be asked for', () => {
    expectTypeOf<FollowOptions['from']>().toEqualTypeOf<
      bigint | Uint8Array | 'latest' | StreamPosition | undefined
    >();
    expectTypeOf<BatchOptions>().toHaveProperty('reuseBuffer');
    // An entry whose data is overwritten behind one's back is not to be had.
    expectTypeOf<FollowOptions>().not.toHaveProperty('reuseBuffer');
    expectTypeOf<number>().not.toExtend<FollowOptions['from']>();
    expectTypeOf<StreamClient['header']>().returns.resolves.toEqualTypeOf<Header>();
    expectTypeOf<StreamClient['entry']>().returns.resolves.toEqualTypeOf<Entry | undefined>();
    expectTypeOf<StreamClient['bookmark']>().returns.resolves.toEqualTypeOf<Entry | undefined>();
    expectTypeOf<StreamClient['reach']>().returns.resolves.toEqualTypeOf<Header>();
    expectTypeOf<StreamClient['entry']>().parameters.toEqualTypeOf<[bigint, (WaitOptions | undefined)?]>();
    expectTypeOf<StreamClient['bookmark']>().parameters.toEqualTypeOf<
      [Uint8Array, (WaitOptions | undefined)?]
    >();
    expectTypeOf<StreamClient>().toExtend<AsyncDisposable>();
  });

  it('of options', () => {
    expectTypeOf<{ server: string }>().toExtend<StreamClientOptions>();
    expectTypeOf<{ server: ['a:1', { host: 'b'; port: 2 }] }>().toExtend<StreamClientOptions>();
    expectTypeOf<{ server: string; tls: true; token: string }>().toExtend<StreamClientOptions>();
    expectTypeOf<{ server: string; tls: { ca: string } }>().toExtend<StreamClientOptions>();
    expectTypeOf<object>().not.toExtend<StreamClientOptions>();
    expectTypeOf<typeof StreamClient>().constructorParameters.toEqualTypeOf<[StreamClientOptions]>();
    expectTypeOf<ServerAddress>().toEqualTypeOf<{ readonly host: string; readonly port: number }>();
    expectTypeOf<RetryOptions>().toEqualTypeOf<{
      readonly attemptsMax: number;
      readonly firstMs: number;
      readonly longestMs: number;
    }>();
    expectTypeOf<{ server: string; retry: { firstMs: number } }>().toExtend<StreamClientOptions>();
    expectTypeOf<TlsOptions>().toEqualTypeOf<
      Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout'>
    >();
  });

  it('of options: what may be left out may be undefined', () => {
    type Optional = Required<Omit<StreamClientOptions, 'server' | 'dial'>>;
    type Undefined<T> = { [Name in keyof T]: undefined };
    expectTypeOf<Undefined<Optional> & { server: string }>().toExtend<StreamClientOptions>();
    expectTypeOf<Undefined<Required<BatchOptions>>>().toExtend<BatchOptions>();
    expectTypeOf<Undefined<Required<FollowOptions>>>().toExtend<FollowOptions>();
    expectTypeOf<WaitOptions>().toEqualTypeOf<{ readonly signal?: AbortSignal | undefined }>();
  });

  it('of states: each has what belongs to it', () => {
    expectTypeOf<FollowState['kind']>().toEqualTypeOf<
      'connecting' | 'catching-up' | 'live' | 'reconnecting'
    >();
    expectTypeOf<Extract<FollowState, { kind: 'reconnecting' }>['error']>().toEqualTypeOf<ClientError>();
    expectTypeOf<Extract<FollowState, { kind: 'live' }>['header']>().toEqualTypeOf<Header>();
  });

  it('of errors: the code is one of a few, and says what else is there', () => {
    expectTypeOf<ClientError>().toExtend<Error>();
    expectTypeOf<ClientError['code']>().toEqualTypeOf<ClientErrorCode>();
    expectTypeOf<string>().not.toExtend<ClientErrorCode>();
    expectTypeOf<ClientError['retriable']>().toEqualTypeOf<boolean>();
    expectTypeOf<ClientError['totalEntries']>().toEqualTypeOf<bigint | undefined>();
    expectTypeOf<NonNullable<ClientError['result']>['code']>().toEqualTypeOf<number>();
  });

  it('of checkpoints and positions: the file is one of them, a line of text holds the other', () => {
    expectTypeOf<FileCheckpoint>().toExtend<Checkpoint>();
    expectTypeOf<Checkpoint['load']>().returns.resolves.toEqualTypeOf<StreamPosition | undefined>();
    expectTypeOf<typeof formatPosition>().toEqualTypeOf<(position: StreamPosition) => string>();
    expectTypeOf<typeof parsePosition>().toEqualTypeOf<(text: string) => StreamPosition>();
    expectTypeOf<typeof positionAfter>().returns.toEqualTypeOf<StreamPosition>();
    expectTypeOf<StreamPosition['nextEntry']>().toEqualTypeOf<bigint>();
  });
});
