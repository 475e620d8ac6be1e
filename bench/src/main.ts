// Runs the benchmarks: `npm run bench -- [FILTER] [--smoke] [--seed N]`. A filter is a part of a benchmark's name.
import { parseArgs } from 'node:util';
import type { Benchmark } from './benchmark.js';
import { decodeEntries } from './decode-entries.js';
import { appendEntries, readEntries } from './stream-file.js';

const benchmarks: readonly Benchmark[] = [decodeEntries, appendEntries, readEntries];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } },
});
const [filter = ''] = positionals;
const options = { smoke: values.smoke, seed: Number(values.seed) };
const chosen = benchmarks.filter(({ name }) => name.includes(filter));

console.log(`Node ${process.version}, ${process.platform} ${process.arch}, seed ${options.seed}`);
if (options.smoke) console.log('smoke run: the figures mean nothing');

for (const { name, run } of chosen) {
  console.log(`\n${name}`);
  for (const { what, value, unit, ratio } of await run(options)) {
    const compared = ratio === undefined ? '' : `  ${ratio.toFixed(2)} x baseline`;
    console.log(`  ${what.padEnd(48)} ${value.toPrecision(4).padStart(10)} ${unit.padEnd(6)}${compared}`);
  }
}

if (chosen.length === 0) {
  console.error(
    `no benchmark has '${filter}' in its name; there are: ${benchmarks.map((b) => b.name).join(', ')}`,
  );
  process.exitCode = 2;
}
