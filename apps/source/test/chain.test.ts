// `ds-source --blocks` and `--rpc`: blocks in the order of the chain, each once, whatever is stopped and started again.
import { writeFile } from 'node:fs/promises';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { describe, expect, it } from 'vitest';
import { formatHex } from '@ds/app-kit';
import { temporaryFolder } from '@ds/app-kit/testing';
import { certificateFiles } from '@ds/test-kit';
import { decodePayload, EntryType } from '@ds/zkevm';
import { mainnetBlock, recordedBlocks, type JsonBlock } from './blocks-data.js';
import { FakeNode } from './support/fake-node.js';
import {
  entriesOf,
  runSource,
  startServer,
  startSource,
  summaryOf,
  totalOf,
  until,
  type RunningServer,
} from './support/programs.js';

const lines = (blocks: readonly JsonBlock[]): string =>
  blocks.map((block) => `${JSON.stringify(block)}\n`).join('');
const entriesIn = (blocks: readonly JsonBlock[]): number =>
  blocks.reduce((sum, { transactions }) => sum + transactions.length + 3, 0);
const first = (count: number): JsonBlock[] => recordedBlocks.slice(0, count);
const badHash = `0x${'ab'.repeat(32)}`;

/** A block as far as it is compared. */
interface SeenBlock {
  readonly number: string;
  hash: string;
  readonly transactions: { readonly hash: string }[];
}

/** The blocks of a stream: their numbers, hashes and transactions' hashes, after a look at the order of entries. */
async function blocksOf(server: RunningServer): Promise<SeenBlock[]> {
  const blocks: SeenBlock[] = [];
  let due: 'bookmark' | 'l2Block' | 'transaction' = 'bookmark';
  for (const { type, data } of await entriesOf(server)) {
    const payload = decodePayload(type, data);
    const block = blocks.at(-1);
    if (payload.kind === 'bookmark' && due === 'bookmark') {
      blocks.push({ number: `0x${payload.value.toString(16)}`, hash: '', transactions: [] });
      due = 'l2Block';
    } else if (payload.kind === 'l2Block' && due === 'l2Block' && block) {
      expect(`0x${payload.number.toString(16)}`).toBe(block.number);
      block.hash = formatHex(payload.hash);
      due = 'transaction';
    } else if (payload.kind === 'transaction' && due === 'transaction' && block) {
      expect(payload.index).toBe(BigInt(block.transactions.length));
      block.transactions.push({ hash: formatHex(keccak_256(payload.encoded)) });
    } else if (payload.kind === 'l2BlockEnd' && due === 'transaction') {
      due = 'bookmark';
    } else {
      throw new Error(`${payload.kind} where ${due} was due`);
    }
  }
  expect(due).toBe('bookmark');
  return blocks;
}

/** What `blocksOf` gives for a stream of these blocks. */
function expected(blocks: readonly JsonBlock[]): SeenBlock[] {
  return blocks.map(({ number, hash, transactions }) => ({
    number,
    hash,
    transactions: transactions.map((transaction) => ({ hash: transaction.hash })),
  }));
}

describe('Blocks from lines', () => {
  it('become operations: every transaction of a mainnet block hashes to its own hash', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const ended = await runSource(['--server', server.source, '--blocks', '-'], lines([mainnetBlock]));
    expect(ended).toMatchObject({ status: 0, err: '' });
    expect(summaryOf(ended)).toEqual({ operations: 1, entries: 61, firstEntry: '0', nextEntry: '61' });
    expect(await blocksOf(server)).toEqual(expected([mainnetBlock]));
    await server.restart();
    expect(await blocksOf(server)).toEqual(expected([mainnetBlock]));
  });

  it('of a whole recorded chain come in order, with the seconds between them', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const ended = await runSource(['--server', server.source, '--blocks', '-'], lines(recordedBlocks));
    expect(summaryOf(ended)).toMatchObject({ operations: 300, entries: entriesIn(recordedBlocks) });
    expect(await blocksOf(server)).toEqual(expected(recordedBlocks));
    const l2Blocks = (await entriesOf(server))
      .filter(({ type }) => type === EntryType.l2Block)
      .map(({ type, data }) => decodePayload(type, data));
    const second = recordedBlocks[1]!;
    expect(l2Blocks[1]).toMatchObject({
      deltaTimestamp: Number(second.timestamp) - Number(recordedBlocks[0]!.timestamp),
    });
  });

  it('that are in the stream already are passed over, when it may be asked', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const args = ['--server', server.source, '--resume-from', server.clients, '--blocks', '-'];
    await runSource(args, lines(first(7)));
    const again = await runSource(args, lines(first(12)));
    expect(again.status).toBe(0);
    expect(summaryOf(again)).toMatchObject({ operations: 5, nextEntry: String(entriesIn(first(12))) });
    expect(await blocksOf(server)).toEqual(expected(first(12)));
  });

  it('are looked up over TLS with a token, where clients need these', async () => {
    await using folder = await temporaryFolder();
    const { authority, strangers, tls } = await certificateFiles(folder.path(''));
    await writeFile(folder.path('token'), 'for clients');
    await using server = await startServer(folder, 'stream.bin', [
      ...['--client-tls-cert', tls.certFile, '--client-tls-key', tls.keyFile],
      ...['--client-token-file', folder.path('token')],
    ]);
    const feed = (count: number, ...more: string[]): ReturnType<typeof runSource> => {
      const args = ['--server', server.source, '--resume-from', server.clients, '--blocks', '-'];
      return runSource([...args, ...more], lines(first(count)));
    };
    await feed(2);
    const token = ['--resume-token-file', folder.path('token')];
    const again = await feed(4, ...token, '--resume-tls-ca', authority);
    expect(again.err).toBe('');
    expect(summaryOf(again)).toMatchObject({ operations: 2, nextEntry: String(entriesIn(first(4))) });
    for (const [wrong, reason] of [
      [['--resume-tls-ca', authority], 'Unauthorized'],
      [[...token, '--resume-tls-ca', strangers], 'certificate'],
      [[...token, '--resume-tls'], 'certificate'],
    ] as const) {
      const refused = await feed(5, ...wrong);
      expect(refused).toMatchObject({ status: 1, out: expect.stringContaining('"operations":0') as string });
      expect(refused.err).toContain(reason);
    }
  });

  it('are looked up behind other entries too', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await runSource(['--server', server.source, '--blocks', '-'], lines(first(3)));
    const others = '{"entries":[{"bookmark":"0x0801"},{"type":99,"data":"0x00"}]}';
    await runSource(['--server', server.source, '--ops', '-'], others);
    const args = ['--server', server.source, '--resume-from', server.clients, '--blocks', '-'];
    expect(summaryOf(await runSource(args, lines(first(4))))).toMatchObject({ operations: 1 });
  });

  it('from another chain than the stream’s are refused', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const args = ['--server', server.source, '--resume-from', server.clients, '--blocks', '-'];
    await runSource(args, lines(first(3)));
    const [, , third, fourth] = recordedBlocks;
    const otherThird = await runSource(args, lines([{ ...third!, hash: badHash }]));
    expect(otherThird.status).toBe(1);
    expect(otherThird.err).toBe(
      `ds-source: line 1: block 3 is ${badHash}, and ${third!.hash} in the stream\n`,
    );
    const otherFourth = await runSource(args, lines([{ ...fourth!, parentHash: badHash }]));
    expect(otherFourth.status).toBe(1);
    expect(otherFourth.err).toContain(`line 1: block 4 has the parent ${badHash}, but block 3 before it is`);
    expect(await totalOf(server)).toBe(entriesIn(first(3)));
  });

  it('that can’t be read end it behind those before', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const [one, two] = recordedBlocks;
    const input = `${lines([one!])}\n${lines([{ ...two!, stateRoot: '0x12' }])}`;
    const ended = await runSource(['--server', server.source, '--blocks', '-'], input);
    expect(ended.status).toBe(1);
    expect(ended.err).toContain('ds-source: line 3: block 2, field stateRoot: it must be 32 bytes');
    expect(await blocksOf(server)).toEqual(expected(first(1)));
  });

  it('can’t be resumed from a server of another stream', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder, 'one.bin');
    await using other = await startServer(folder, 'other.bin');
    await runSource(['--server', server.source, '--blocks', '-'], lines(first(3)));
    const args = ['--server', server.source, '--resume-from', other.clients, '--blocks', '-'];
    const ended = await runSource(args, lines(first(4)));
    expect(ended.status).toBe(1);
    expect(ended.err).toContain(`can't resume from ${other.clients}: it has system id 1 and 0 entries`);
  });
});

describe('Blocks from a node', () => {
  const rpc = (server: RunningServer, node: FakeNode, ...more: string[]): string[] => {
    const node_ = ['--rpc', node.url, '--from-block', '1', '--poll-interval', '20ms'];
    return ['--server', server.source, ...node_, ...more];
  };

  it('are taken up to its head, and then as it grows', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 40);
    await using source = startSource(rpc(server, node));
    await until(async () => (await totalOf(server)) === entriesIn(first(40)));
    node.head = 43;
    await until(async () => (await totalOf(server)) === entriesIn(first(43)));
    const ended = await source.stop('SIGTERM');
    expect(ended).toMatchObject({ status: 0, err: '' });
    expect(summaryOf(ended)).toMatchObject({ operations: 43 });
    expect(await blocksOf(server)).toEqual(expected(first(43)));
  });

  it.each(['counted', 'looked up'] as const)('go on where the stream ends, which is %s', async (how) => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 30);
    const more = how === 'counted' ? [] : ['--resume-from', server.clients];
    for (const [to, operations] of [
      ['11', 11],
      ['25', 14],
      ['25', 0],
      ['26', 1],
    ] as const) {
      const ended = await runSource(rpc(server, node, '--to-block', to, ...more));
      expect(ended).toMatchObject({ status: 0, err: '' });
      expect(summaryOf(ended)).toMatchObject({ operations });
    }
    expect(await blocksOf(server)).toEqual(expected(first(26)));
  });

  it('stay back behind the head by the confirmations asked for', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 10);
    await using source = startSource(rpc(server, node, '--confirmations', '4'));
    await until(async () => (await totalOf(server)) === entriesIn(first(6)));
    const polls = node.calls.length;
    await until(() => node.calls.length > polls + 3);
    expect(await totalOf(server)).toBe(entriesIn(first(6)));
    node.head = 11;
    await until(async () => (await totalOf(server)) === entriesIn(first(7)));
    await source.stop();
  });

  it('that were reorganised while it runs end it with the two hashes', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 5);
    await using source = startSource(rpc(server, node));
    await until(async () => (await totalOf(server)) === entriesIn(first(5)));
    node.replace({ ...recordedBlocks[5]!, parentHash: badHash });
    node.head = 6;
    const ended = await source.ended();
    expect(ended.status).toBe(1);
    expect(ended.err).toContain(
      `ds-source: ${node.host}: block 6 has the parent ${badHash}, but block 5 before it is ${recordedBlocks[4]!.hash}; `,
    );
    expect(ended.err).toContain('--confirmations');
    expect(summaryOf(ended)).toMatchObject({ operations: 5 });
    expect(await totalOf(server)).toBe(entriesIn(first(5)));
  });

  it('that were reorganised while it was stopped are noticed by the stream’s own block', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 6);
    await runSource(rpc(server, node, '--to-block', '5'));
    node.replace({ ...recordedBlocks[4]!, hash: badHash });
    node.replace({ ...recordedBlocks[5]!, parentHash: badHash });
    const ended = await runSource(rpc(server, node, '--resume-from', server.clients, '--to-block', '6'));
    expect(ended.status).toBe(1);
    expect(ended.err).toContain(`block 6 has the parent ${badHash}, but block 5 before it is`);
    expect(await totalOf(server)).toBe(entriesIn(first(5)));
  });

  it('can’t be counted in a stream that is not made of them', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 30);
    await runSource(['--server', server.source, '--ops', '-'], '{"entries":[{"type":1,"data":"0x01"}]}');
    const ended = await runSource(rpc(server, node));
    expect(ended.status).toBe(1);
    expect(ended.err).toContain('the stream has 1 entries, which no run of the node');
    expect(ended.err).toContain('--resume-from');
    expect(await totalOf(server)).toBe(1);
  });

  it('come also from a node that fails for a while', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 5);
    node.failure = 503;
    await using source = startSource(rpc(server, node, '--to-block', '5'));
    await until(() => node.calls.length >= 2);
    node.failure = { code: -32005, message: 'limit exceeded' };
    const calls = node.calls.length;
    await until(() => node.calls.length >= calls + 1);
    node.failure = undefined;
    const ended = await source.ended();
    expect(ended.status).toBe(0);
    expect(ended.err).toContain('HTTP status 503');
    expect(ended.err).toContain('limit exceeded (-32005)');
    expect(await blocksOf(server)).toEqual(expected(first(5)));
  });

  it('do not come from a node that fails for too long', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 5);
    node.failure = { code: -32601, message: 'the method does not exist' };
    const ended = await runSource(rpc(server, node, '--node-retry', '150ms'));
    expect(ended.status).toBe(1);
    const problem = 'eth_blockNumber has failed for 150ms: the method does not exist (-32601)';
    expect(ended.err).toContain(`ds-source: ${node.host}: ${problem}\n`);
  });

  it('come from a node that asks for a password, which is never shown', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using node = await FakeNode.start(recordedBlocks, 2);
    const args = rpc(server, node, '--to-block', '2', '--log-level', 'trace');
    const withUser = args.map((arg) => arg.replace('http://', 'http://me:s3same@'));
    const ended = await runSource(withUser);
    expect(ended.status).toBe(0);
    expect(node.authorizations).toEqual(new Set([`Basic ${btoa('me:s3same')}`]));
    expect(ended.err).not.toContain('s3same');
  });
});

describe('A file of blocks', () => {
  it('is read by its name', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await writeFile(folder.path('blocks.jsonl'), lines(first(2)));
    const ended = await runSource(['--server', server.source, '--blocks', folder.path('blocks.jsonl')]);
    expect(summaryOf(ended)).toMatchObject({ operations: 2 });
  });
});
