/**
 * Golden bytes: what stands on the wire and in the file, derived by hand from the layouts, one table for everybody.
 *
 * The codec's own tests hold them against the encoders and decoders, in both directions. The tests of servers and clients
 * play the same exchanges over a connection: `goldenExchanges` each from a connection in the state it names, on a
 * stream that holds `goldenEntries`; `goldenTokenExchanges` in the same way, where the server asks for `goldenToken`;
 * `goldenSourceSession` from top to bottom on an empty stream, which then holds just that.
 */
import {
  result,
  ResultCode,
  type ClientCommand,
  type CodecErrorCode,
  type Entry,
  type Header,
  type Result,
  type SourceAnswer,
  type SourceMessage,
  type StreamIdentity,
} from '../src/index.js';

/** Bytes from hexadecimal digits; blanks and `|` only group them. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.replaceAll(/[\s|]/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const goldenIdentity: StreamIdentity = { version: 1, systemId: 137n, streamType: 1n };

const bookmark = hex('000000000000000007');
const unknownBookmark = hex('000000000000000099');
const nothing = hex('');
const bookmarkEntry: Entry = { type: 0xb0, number: 0n, data: bookmark };
const fullEntry: Entry = { type: 1, number: 1n, data: hex('0102030405') };
const emptyEntry: Entry = { type: 2, number: 2n, data: nothing };

/** The stream: one operation of three entries. */
export const goldenEntries: readonly Entry[] = [bookmarkEntry, fullEntry, emptyEntry];
export const goldenHeader: Header = { ...goldenIdentity, totalLength: 4161n, totalEntries: 3n };

/** The stream's file: its first bytes, and those from offset 4096 on. Zeros follow up to the end of the page. */
export const goldenFile = {
  start: hex(`706f6c79676f6e44415453545245414d
    01 00000026 01 0000000000000089 0000000000000001 0000000000001041 0000000000000003`),
  data: hex(`02 0000001a 000000b0 0000000000000000 000000000000000007
    02 00000016 00000001 0000000000000001 0102030405
    02 00000011 00000002 0000000000000002`),
};

/** What a server sends, streamed entries one by one. */
export type GoldenPacket =
  | Result
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'answer'; readonly entry: Entry }
  | { readonly kind: 'entry'; readonly entry: Entry };

/** A command, what it is answered, and what becomes of the connection. */
export interface GoldenExchange {
  readonly name: string;
  /** State of the connection before: `stopped` is that of a new one, `streaming` comes about by `goldenStart`. */
  readonly state: 'stopped' | 'streaming';
  /** What is sent; `fault` is what a decoder finds wrong with bytes that are no command. */
  readonly command: ClientCommand | { readonly fault: CodecErrorCode };
  readonly request: Uint8Array;
  readonly packets: readonly GoldenPacket[];
  readonly answer: Uint8Array;
  /** Whether the server closes the connection behind the answer. */
  readonly closes: boolean;
}

const ok = result(ResultCode.ok);
const OK = 'ff 0000000b 00000000 4f4b |';
const ALREADY_STARTED = 'ff 00000018 00000001 416c72656164792073746172746564';
const ALREADY_STOPPED = 'ff 00000018 00000002 416c72656164792073746f70706564';
const INVALID_COMMAND = 'ff 00000018 00000009 496e76616c696420636f6d6d616e64';
const BOOKMARK_ENTRY = '02 0000001a 000000b0 0000000000000000 000000000000000007 |';
const FULL_ENTRY = '02 00000016 00000001 0000000000000001 0102030405 |';
const EMPTY_ENTRY = '02 00000011 00000002 0000000000000002 |';
const NOT_FOUND = 'fe 00000011 ffffffff 0000000000000000';

/** Brings a connection from `stopped` to `streaming`. */
export const goldenStart: GoldenExchange = {
  name: 'Start at entry 1',
  state: 'stopped',
  command: { kind: 'start', fromEntry: 1n },
  request: hex('0000000000000001 0000000000000001 0000000000000001'),
  packets: [ok, { kind: 'entry', entry: fullEntry }, { kind: 'entry', entry: emptyEntry }],
  answer: hex(`${OK} ${FULL_ENTRY} ${EMPTY_ENTRY}`),
  closes: false,
};

/** What the server of `goldenTokenExchanges` asks for. */
export const goldenToken = hex('73657372616d65');
const UNAUTHORIZED = 'ff 00000015 00000021 556e617574686f72697a6564';

/** The first command on a connection to a server that asks for `goldenToken`. */
export const goldenTokenExchanges: readonly GoldenExchange[] = [
  {
    name: 'Authenticate',
    command: { kind: 'authenticate' as const, token: goldenToken },
    request: hex('0000000000000202 0000000000000001 00000007 73657372616d65'),
    packets: [ok],
    answer: hex(OK),
    closes: false,
  },
  ...[
    {
      name: 'Authenticate with another token',
      command: { kind: 'authenticate' as const, token: hex('73657372616d66') },
      request: hex('0000000000000202 0000000000000001 00000007 73657372616d66'),
    },
    {
      name: 'Authenticate with the start of the token',
      command: { kind: 'authenticate' as const, token: hex('736573') },
      request: hex('0000000000000202 0000000000000001 00000003 736573'),
    },
    {
      name: 'Authenticate without a token',
      command: { kind: 'authenticate' as const, token: nothing },
      request: hex('0000000000000202 0000000000000001 00000000'),
    },
    {
      name: 'Authenticate with a token of 4,097 bytes',
      command: { fault: 'token-length' as const },
      request: hex('0000000000000202 0000000000000001 00001001'),
    },
    {
      name: 'Header',
      command: { kind: 'header' as const },
      request: hex('0000000000000003 0000000000000001'),
    },
    {
      name: 'Start',
      command: { kind: 'start' as const, fromEntry: 1n },
      request: hex('0000000000000001 0000000000000001 0000000000000001'),
    },
    {
      name: 'Stop',
      command: { kind: 'stop' as const },
      request: hex('0000000000000002 0000000000000001'),
    },
  ].map((exchange) => ({
    ...exchange,
    packets: [result(ResultCode.unauthorized)],
    answer: hex(UNAUTHORIZED),
    closes: true,
  })),
].map((exchange) => ({ ...exchange, state: 'stopped' }));

/** Every command in every state, and what is no command. */
export const goldenExchanges: readonly GoldenExchange[] = [
  {
    name: 'Header',
    state: 'stopped',
    command: { kind: 'header' },
    request: hex('0000000000000003 0000000000000001'),
    packets: [ok, { kind: 'header', header: goldenHeader }],
    answer: hex(`${OK}
      01 00000026 01 0000000000000089 0000000000000001 0000000000001041 0000000000000003`),
    closes: false,
  },
  goldenStart,
  {
    name: 'Start at entry 0',
    state: 'stopped',
    command: { kind: 'start', fromEntry: 0n },
    request: hex('0000000000000001 0000000000000001 0000000000000000'),
    packets: [ok, ...goldenEntries.map((entry) => ({ kind: 'entry' as const, entry }))],
    answer: hex(`${OK} ${BOOKMARK_ENTRY} ${FULL_ENTRY} ${EMPTY_ENTRY}`),
    closes: false,
  },
  {
    name: 'Start at the next entry, which is waited for',
    state: 'stopped',
    command: { kind: 'start', fromEntry: 3n },
    request: hex('0000000000000001 0000000000000001 0000000000000003'),
    packets: [ok],
    answer: hex(OK),
    closes: false,
  },
  {
    name: 'Start beyond the next entry',
    state: 'stopped',
    command: { kind: 'start', fromEntry: 4n },
    request: hex('0000000000000001 0000000000000001 0000000000000004'),
    packets: [result(ResultCode.badFromEntry)],
    answer: hex('ff 00000017 00000003 4261642066726f6d20656e747279'),
    closes: false,
  },
  {
    name: 'StartBookmark',
    state: 'stopped',
    command: { kind: 'startBookmark', bookmark },
    request: hex('0000000000000004 0000000000000001 00000009 000000000000000007'),
    packets: [ok, ...goldenEntries.map((entry) => ({ kind: 'entry' as const, entry }))],
    answer: hex(`${OK} ${BOOKMARK_ENTRY} ${FULL_ENTRY} ${EMPTY_ENTRY}`),
    closes: false,
  },
  {
    name: 'StartBookmark with an unknown bookmark',
    state: 'stopped',
    command: { kind: 'startBookmark', bookmark: unknownBookmark },
    request: hex('0000000000000004 0000000000000001 00000009 000000000000000099'),
    packets: [result(ResultCode.badFromBookmark)],
    answer: hex('ff 0000001a 00000004 4261642066726f6d20626f6f6b6d61726b'),
    closes: false,
  },
  {
    name: 'Entry 1',
    state: 'stopped',
    command: { kind: 'entry', entryNumber: 1n },
    request: hex('0000000000000005 0000000000000001 0000000000000001'),
    packets: [ok, { kind: 'answer', entry: fullEntry }],
    answer: hex(`${OK} fe 00000016 00000001 0000000000000001 0102030405`),
    closes: false,
  },
  {
    name: 'Entry 3, which is not there',
    state: 'stopped',
    command: { kind: 'entry', entryNumber: 3n },
    request: hex('0000000000000005 0000000000000001 0000000000000003'),
    packets: [ok, { kind: 'answer', entry: { type: 0xffff_ffff, number: 0n, data: nothing } }],
    answer: hex(`${OK} ${NOT_FOUND}`),
    closes: false,
  },
  {
    name: 'Bookmark',
    state: 'stopped',
    command: { kind: 'bookmark', bookmark },
    request: hex('0000000000000006 0000000000000001 00000009 000000000000000007'),
    packets: [ok, { kind: 'answer', entry: fullEntry }],
    answer: hex(`${OK} fe 00000016 00000001 0000000000000001 0102030405`),
    closes: false,
  },
  {
    name: 'Bookmark with an unknown bookmark',
    state: 'stopped',
    command: { kind: 'bookmark', bookmark: unknownBookmark },
    request: hex('0000000000000006 0000000000000001 00000009 000000000000000099'),
    packets: [ok, { kind: 'answer', entry: { type: 0xffff_ffff, number: 0n, data: nothing } }],
    answer: hex(`${OK} ${NOT_FOUND}`),
    closes: false,
  },
  {
    name: 'Stop when nothing is streamed',
    state: 'stopped',
    command: { kind: 'stop' },
    request: hex('0000000000000002 0000000000000001'),
    packets: [result(ResultCode.alreadyStopped)],
    answer: hex(ALREADY_STOPPED),
    closes: true,
  },
  {
    name: 'Stop a stream',
    state: 'streaming',
    command: { kind: 'stop' },
    request: hex('0000000000000002 0000000000000001'),
    packets: [ok],
    answer: hex(OK),
    closes: false,
  },
  {
    name: 'Start during a stream',
    state: 'streaming',
    command: { kind: 'start', fromEntry: 0n },
    request: hex('0000000000000001 0000000000000001 0000000000000000'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  {
    name: 'StartBookmark during a stream',
    state: 'streaming',
    command: { kind: 'startBookmark', bookmark },
    request: hex('0000000000000004 0000000000000001 00000009 000000000000000007'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  {
    name: 'Header during a stream',
    state: 'streaming',
    command: { kind: 'header' },
    request: hex('0000000000000003 0000000000000001'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  {
    name: 'Entry during a stream',
    state: 'streaming',
    command: { kind: 'entry', entryNumber: 1n },
    request: hex('0000000000000005 0000000000000001 0000000000000001'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  {
    name: 'Bookmark during a stream',
    state: 'streaming',
    command: { kind: 'bookmark', bookmark },
    request: hex('0000000000000006 0000000000000001 00000009 000000000000000007'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  {
    name: 'Authenticate where no token is asked for',
    state: 'stopped',
    command: { kind: 'authenticate', token: goldenToken },
    request: hex('0000000000000202 0000000000000001 00000007 73657372616d65'),
    packets: [ok],
    answer: hex(OK),
    closes: false,
  },
  {
    name: 'Authenticate during a stream',
    state: 'streaming',
    command: { kind: 'authenticate', token: nothing },
    request: hex('0000000000000202 0000000000000001 00000000'),
    packets: [result(ResultCode.alreadyStarted)],
    answer: hex(ALREADY_STARTED),
    closes: true,
  },
  ...(['stopped', 'streaming'] as const).flatMap((state) => {
    const refused = {
      state,
      packets: [result(ResultCode.invalidCommand)],
      answer: hex(INVALID_COMMAND),
      closes: true,
    };
    return [
      {
        ...refused,
        name: `command 7, ${state}`,
        command: { fault: 'unknown-command' as const },
        request: hex('0000000000000007 0000000000000001'),
      },
      {
        ...refused,
        name: `command 512 of no extension, ${state}`,
        command: { fault: 'unknown-command' as const },
        request: hex('0000000000000200 0000000000000001'),
      },
      {
        ...refused,
        name: `Header for stream type 2, ${state}`,
        command: { fault: 'wrong-stream-type' as const },
        request: hex('0000000000000003 0000000000000002'),
      },
      {
        ...refused,
        name: `StartBookmark with an empty bookmark, ${state}`,
        command: { fault: 'bookmark-length' as const },
        request: hex('0000000000000004 0000000000000001 00000000'),
      },
      {
        ...refused,
        name: `Bookmark with a bookmark of 17 bytes, ${state}`,
        command: { fault: 'bookmark-length' as const },
        request: hex('0000000000000006 0000000000000001 00000011 0000000000000000000000000000000007'),
      },
    ];
  }),
];

/** A source's message and what the server answers: nothing to those that may be sent without waiting. */
export interface GoldenSourceExchange {
  readonly name: string;
  readonly message: SourceMessage;
  readonly request: Uint8Array;
  readonly answers: readonly SourceAnswer[];
  readonly answer: Uint8Array;
}

const HEADER = '01 00000026 01 0000000000000089 0000000000000001';
const unanswered = { answers: [], answer: nothing };

function acknowledged(
  totalLength: bigint,
  totalEntries: bigint,
  size: string,
): Omit<GoldenSourceExchange, 'name' | 'message' | 'request'> {
  const header = { ...goldenIdentity, totalLength, totalEntries };
  return { answers: [ok, { kind: 'header', header }], answer: hex(`${OK} ${HEADER} ${size}`) };
}

const emptyStream = acknowledged(4096n, 0n, '0000000000001000 0000000000000000');
const fourEntries = acknowledged(4179n, 4n, '0000000000001053 0000000000000004');
const goldenStream = acknowledged(4161n, 3n, '0000000000001041 0000000000000003');

/** One connection of a source, on an empty stream of `goldenIdentity` and a server that asks for no token. */
export const goldenSourceSession: readonly GoldenSourceExchange[] = [
  {
    name: 'OpenSource',
    message: { kind: 'openSource', protocolVersion: 1n, systemId: 137n, epoch: 1n, token: nothing },
    request: hex(`0000000000000100 0000000000000001
      0000000000000001 0000000000000089 0000000000000001 00000000`),
    ...emptyStream,
  },
  {
    name: 'StartAtomicOp at any entry',
    message: { kind: 'startAtomicOp', expectedEntry: 0xffff_ffff_ffff_ffffn },
    request: hex('0000000000000101 0000000000000001 ffffffffffffffff'),
    ...unanswered,
  },
  {
    name: 'AddStreamBookmark',
    message: { kind: 'addStreamBookmark', bookmark },
    request: hex('0000000000000103 0000000000000001 00000009 000000000000000007'),
    ...unanswered,
  },
  {
    name: 'AddStreamEntry with data',
    message: { kind: 'addStreamEntry', entryType: 1, data: hex('ffffffffff') },
    request: hex('0000000000000102 0000000000000001 00000001 00000005 ffffffffff'),
    ...unanswered,
  },
  {
    name: 'AddStreamEntry without data',
    message: { kind: 'addStreamEntry', entryType: 2, data: nothing },
    request: hex('0000000000000102 0000000000000001 00000002 00000000'),
    ...unanswered,
  },
  {
    name: 'AddStreamEntry of an entry that will be cut off',
    message: { kind: 'addStreamEntry', entryType: 3, data: hex('aa') },
    request: hex('0000000000000102 0000000000000001 00000003 00000001 aa'),
    ...unanswered,
  },
  {
    name: 'CommitAtomicOp',
    message: { kind: 'commitAtomicOp' },
    request: hex('0000000000000104 0000000000000001'),
    ...fourEntries,
  },
  {
    name: 'UpdateEntryData',
    message: { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data: hex('0102030405') },
    request: hex('0000000000000107 0000000000000001 0000000000000001 00000001 00000005 0102030405'),
    ...fourEntries,
  },
  {
    name: 'TruncateFile',
    message: { kind: 'truncateFile', entryNumber: 3n },
    request: hex('0000000000000106 0000000000000001 0000000000000003'),
    ...goldenStream,
  },
  {
    name: 'StartAtomicOp at entry 3',
    message: { kind: 'startAtomicOp', expectedEntry: 3n },
    request: hex('0000000000000101 0000000000000001 0000000000000003'),
    ...unanswered,
  },
  {
    name: 'AddStreamEntry of an entry that will be rolled back',
    message: { kind: 'addStreamEntry', entryType: 3, data: hex('bb') },
    request: hex('0000000000000102 0000000000000001 00000003 00000001 bb'),
    ...unanswered,
  },
  {
    name: 'RollbackAtomicOp',
    message: { kind: 'rollbackAtomicOp' },
    request: hex('0000000000000105 0000000000000001'),
    ...goldenStream,
  },
  {
    name: 'Header',
    message: { kind: 'header' },
    request: hex('0000000000000108 0000000000000001'),
    ...goldenStream,
  },
];

/** A message with a token, for another stream type, and numbers that fill their fields. */
export const goldenTokenMessage: { message: SourceMessage; streamType: bigint; bytes: Uint8Array } = {
  message: {
    kind: 'openSource',
    protocolVersion: 1n,
    systemId: 0xffff_ffff_ffff_ffffn,
    epoch: 0x0102_0304_0506_0708n,
    token: hex('73657372616d65'),
  },
  streamType: 9n,
  bytes: hex(`0000000000000100 0000000000000009
    0000000000000001 ffffffffffffffff 0102030405060708 00000007 73657372616d65`),
};
