// Runs the benchmarks and prints one table.
import { parseArgs } from 'node:util';
import type { Benchmark, BenchmarkOptions } from './benchmark.js';
import { decodeEntries } from './decode-entries.js';
import { follow } from './follow.js';
import { beside } from './serving/beside.js';
import { catchUp } from './serving/catch-up.js';
import { corpusBytes, makeCorpus } from './serving/corpus.js';
import { feed } from './serving/feed.js';
import { live } from './serving/live.js';
import { memory } from './serving/memory.js';
import { randomEntry } from './serving/random-entry.js';
import { workersCatchUp, workersLive, workersWriting } from './serving/workers.js';
import { appendEntries, readEntries } from './stream-file.js';

const benchmarks: readonly Benchmark[] = [
  decodeEntries,
  appendEntries,
  readEntries,
  catchUp,
  follow,
  feed,
  ...live,
  beside,
  randomEntry,
  memory,
  workersCatchUp,
  workersWriting,
  workersLive,
];

const USAGE = `npm run bench -- [FILTER ...] [--smoke] [--seed N] [--other HOST:PORT] [--make FILE]

FILTER               a part of a benchmark's name: ${benchmarks.map(({ name }) => name).join(', ')}
--smoke              run in seconds; the figures mean nothing
--seed N             what the data are made from (default 1)
--other HOST:PORT    another server to put beside ours, in catch-up and random-entry
--make FILE          only make the stream file that another server is measured with`;

const given = argumentsGiven();
if (given) {
  const { values, positionals } = given;
  const options = { smoke: values.smoke, seed: Number(values.seed), other: addressOf(values.other) };
  const chosen = benchmarks.filter(
    ({ name }) => positionals.length === 0 || positionals.some((filter) => name.includes(filter)),
  );
  if (values.help) console.log(USAGE);
  else if (values.make !== undefined) await makeCorpus(values.make, corpusBytes(options.smoke), options.seed);
  else if (chosen.length > 0) await run(chosen, options);
  else refuse(`no benchmark has '${positionals.join("' or '")}' in its name`);
}

function argumentsGiven() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        smoke: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        other: { type: 'string' },
        make: { type: 'string' },
      },
    });
  } catch (error) {
    refuse((error as Error).message);
    return undefined;
  }
}

function refuse(reason: string): void {
  console.error(`${reason}\n\n${USAGE}`);
  process.exitCode = 2;
}

async function run(chosen: readonly Benchmark[], options: BenchmarkOptions): Promise<void> {
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}, seed ${options.seed}`);
  if (options.smoke) console.log('smoke run: the figures mean nothing');
  console.log(`\n${row('benchmark', 'what', 'figure', 'unit')}  ratio to what stands beside it`);
  for (const { name, run: measure } of chosen) {
    for (const { what, value, unit, ratio, ratios } of await measure(options)) {
      const compared = ratio === undefined ? '' : `  ${ratio.toFixed(2)}`;
      const rounds = ratios === undefined ? '' : ` (${ratios.map((one) => one.toFixed(2)).join(' to ')})`;
      console.log(row(name, what, value.toPrecision(4), unit) + compared + rounds);
    }
  }
}

function row(name: string, what: string, value: string, unit: string): string {
  return `${name.padEnd(14)}  ${what.padEnd(60)}  ${value.padStart(9)} ${unit.padEnd(4)}`;
}

function addressOf(text: string | undefined): { host: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const { hostname: host, port } = new URL(`tcp://${text}`);
  return { host, port: Number(port) };
}
