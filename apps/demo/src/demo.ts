/** The demo's course: start everything, feed, watch, check, say where to go next. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import colors from 'picocolors';
import type { AppContext } from '@ds/app-kit';
import { StreamClient } from '@ds/client';
import { AppProcess, programOf, type AppName } from './app-process.js';
import { readBlocks, type Blocks } from './blocks.js';
import { checkReceived } from './check.js';
import { Display } from './display.js';
import { Rate } from './rate.js';
import { ReceivedStream } from './received-stream.js';

export interface DemoOptions {
  readonly blocks: string;
  readonly liveBlocks: number;
  /** Milliseconds. */
  readonly blockTime: number;
  readonly keep: boolean;
}

/** Chain id of the recorded blocks. */
const SYSTEM_ID = '31337';
/** How often the servers are asked how far they are. */
const HEADS_MS = 100;

export async function runDemo(options: DemoOptions, context: AppContext): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'data-stream-demo-'));
  const display = new Display((text) => context.write(text), process.stdout.isTTY);
  const apps: AppProcess[] = [];
  try {
    await perform(folder, options, display, apps, context);
  } finally {
    display.stop();
    for (const app of apps.reverse()) await app[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

async function perform(
  folder: string,
  options: DemoOptions,
  display: Display,
  apps: AppProcess[],
  { signal, stopped }: AppContext,
): Promise<void> {
  const blocks = await readBlocks(options.blocks);
  await display.line(colors.bold('A data stream, from a source to a client, through two relays'));
  await display.line();

  const chain = await startChain(folder, apps);
  await display.step('server', `clients on ${chain.heads[0].address}, source on ${chain.sourceAddress}`);
  await display.step('relay 1', `follows the server, serves on ${chain.heads[1].address}`);
  await display.step('relay 2', `follows relay 1, serves on ${chain.heads[2].address}`);

  const received = new ReceivedStream();
  const client = start(apps, 'client', 'client', [
    ...['follow', '--server', chain.heads[2].address],
    ...['--format', 'raw', '--count', String(blocks.entryCount)],
  ]);
  await display.step('client', 'follows relay 2 from entry 0');
  const source = start(apps, 'source', 'source', [
    ...['--server', chain.sourceAddress, '--system-id', SYSTEM_ID, '--blocks', '-'],
  ]);
  const late = Math.max(0, blocks.lines.length - options.liveBlocks);
  await display.step('source', `sends ${late} blocks at once, then one every ${options.blockTime} ms`);
  await display.line();

  const watching = new AbortController();
  const heads = watchHeads(chain.heads, AbortSignal.any([watching.signal, signal]));
  const rate = new Rate(() => received.byteCount);
  display.follow(() => statusLine(received, blocks, chain.heads, rate));
  const receiving = receive(client, received);
  await Promise.race([feed(source, blocks.lines, late, options.blockTime, signal), source.done()]);
  await source.done();
  await Promise.all([receiving, client.done()]);
  await headsReach(chain.heads, blocks.entryCount, signal);
  await display.settle();
  watching.abort();
  await heads;

  const { byteCount, sha256, transactionCount } = checkReceived(received, blocks);
  await display.line();
  await display.step('checked', `all ${byteCount} bytes are what the source sent: SHA-256 ${sha256}`);
  await display.step('checked', `all ${transactionCount} transactions hash to their own hashes`);
  await sayWhereToGo(display, chain, options.keep);
  if (options.keep) await stopped;
  for (const app of [chain.relay2, chain.relay1, chain.server]) await app.stop();
}

interface Head {
  readonly name: string;
  /** Where clients connect. */
  readonly address: string;
  entries: number;
}

interface Chain {
  readonly server: AppProcess;
  readonly relay1: AppProcess;
  readonly relay2: AppProcess;
  readonly sourceAddress: string;
  readonly heads: readonly [Head, Head, Head];
}

function start(apps: AppProcess[], name: AppName, label: string, args: readonly string[]): AppProcess {
  const app = new AppProcess(name, label, args);
  apps.push(app);
  return app;
}

async function startChain(folder: string, apps: AppProcess[]): Promise<Chain> {
  const listen = ['--host', '127.0.0.1', '--port', '0'];
  const server = start(apps, 'server', 'server', [
    ...['--file', join(folder, 'server.bin'), '--system-id', SYSTEM_ID, '--source-port', '0', ...listen],
  ]);
  const { clients: serverAddress = '', source: sourceAddress = '' } = await server.ready();
  const startRelay = (label: string, file: string, upstream: string): AppProcess =>
    start(apps, 'relay', label, ['--upstream', upstream, '--file', join(folder, file), ...listen]);
  const relay1 = startRelay('relay 1', 'relay-1.bin', serverAddress);
  const { clients: relay1Address = '' } = await relay1.ready();
  const relay2 = startRelay('relay 2', 'relay-2.bin', relay1Address);
  const { clients: relay2Address = '' } = await relay2.ready();
  const head = (name: string, address: string): Head => ({ name, address, entries: 0 });
  return {
    server,
    relay1,
    relay2,
    sourceAddress,
    heads: [head('server', serverAddress), head('relay 1', relay1Address), head('relay 2', relay2Address)],
  };
}

/** Gives the source its blocks: most of them at once, the last ones one by one. */
async function feed(
  source: AppProcess,
  lines: readonly string[],
  liveFrom: number,
  blockTimeMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, line] of lines.entries()) {
    if (index >= liveFrom) await sleep(blockTimeMs, undefined, { signal });
    if (!source.input.write(`${line}\n`)) await once(source.input, 'drain', { signal });
  }
  source.input.end();
}

async function receive(client: AppProcess, received: ReceivedStream): Promise<void> {
  for await (const chunk of client.output) received.add(chunk as Uint8Array);
}

/** Asks server and relays again and again how many entries they have. */
async function watchHeads(heads: readonly Head[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    heads.map(async (head) => {
      await using client = new StreamClient({ server: head.address });
      while (!signal.aborted) {
        head.entries = Number((await client.header()).totalEntries);
        await sleep(HEADS_MS, undefined, { signal }).catch(() => undefined);
      }
    }),
  );
}

async function headsReach(heads: readonly Head[], entries: number, signal: AbortSignal): Promise<void> {
  while (heads.some((head) => head.entries < entries)) await sleep(HEADS_MS, undefined, { signal });
}

function statusLine(received: ReceivedStream, blocks: Blocks, heads: readonly Head[], rate: Rate): string {
  const flow =
    `${received.blocks}/${blocks.lines.length} blocks, ${received.transactions} transactions, ` +
    `${received.entries} entries, ${Math.round(rate.perSecond() / 1000)} kB/s`;
  return `${colors.cyan(flow)}  ${heads.map(({ name, entries }) => `${name} ${entries}`).join(' → ')}`;
}

async function sayWhereToGo(display: Display, chain: Chain, keep: boolean): Promise<void> {
  await display.line();
  if (keep) {
    const address = chain.heads[2].address;
    const client = relative('', programOf('client'));
    await display.line(`${colors.bold('Still running.')} In another terminal, from this folder:`);
    await display.line(`  ${client} follow --server ${address} | head`);
    await display.line(`  ${client} header --server ${address}`);
    await display.line(`  ${client} follow --server ${address} --from latest --format json`);
    await display.line('Ctrl-C ends it.');
    return;
  }
  await display.line(colors.bold('Where to go next'));
  await display.line('  npm start -- --keep     leaves it running, to be tried with ds-client');
  await display.line('  README.md               how to embed server, source and client in a program');
  await display.line('  docs/operating.md       how to run each app by itself');
}
