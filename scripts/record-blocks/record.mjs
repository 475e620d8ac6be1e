/**
 * Records the demo's blocks: runs a development node, sends it signed transactions of every type, mines, and
 * saves what `eth_getBlockByNumber(n, true)` answers, one block a line, gzip.
 *
 * Use: `npm run record -- OUTPUT`.
 */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { startNode } from './node.mjs';
import { createWorkload } from './workload.mjs';

const blockCount = 300;
const firstTimestamp = 1_746_612_400;
const output = process.argv[2];
if (output === undefined) throw new Error('say where to write: npm run record -- blocks.jsonl.gz');

const workload = createWorkload(7_702);
const { rpc, stop } = await startNode();
const blocks = [];
const counts = {};
let timestamp = firstTimestamp;

/** Mines exactly these transactions into one block and keeps the block. */
async function mine(raws) {
  timestamp += workload.random.between(1, 12);
  await rpc('evm_setNextBlockTimestamp', timestamp);
  for (const raw of raws) await rpc('eth_sendRawTransaction', raw);
  await rpc('evm_mine');
  await keep(raws.length);
}

/** The node takes blobs only while it mines at once and alone, so a blob transaction has a block of its own. */
async function mineBlob(raw) {
  timestamp += workload.random.between(1, 12);
  await rpc('evm_setNextBlockTimestamp', timestamp);
  await rpc('evm_setAutomine', true);
  await rpc('eth_sendRawTransaction', raw);
  await rpc('evm_setAutomine', false);
  await keep(1);
}

async function keep(expectedTransactions) {
  const block = await rpc('eth_getBlockByNumber', 'latest', true);
  if (Number(block.number) !== blocks.length + 1 || block.transactions.length !== expectedTransactions) {
    throw new Error(
      `block ${Number(block.number)} holds ${block.transactions.length} transactions, not ${expectedTransactions}`,
    );
  }
  for (const transaction of block.transactions) {
    const receipt = await rpc('eth_getTransactionReceipt', transaction.hash);
    if (receipt.status !== '0x1') throw new Error(`transaction ${transaction.hash} failed`);
    count(kindOf(transaction));
    if (transaction.to === null) count('deployments');
    count('logs', receipt.logs.length);
  }
  blocks.push(block);
}

function kindOf({ type, v }) {
  if (Number(type) !== 0) return `type ${Number(type)}`;
  return Number(v) >= 35 ? 'type 0, EIP-155' : 'type 0, before EIP-155';
}

function count(name, by = 1) {
  counts[name] = (counts[name] ?? 0) + by;
}

try {
  await mine([await workload.deployToken()]);
  while (blocks.length < blockCount) {
    if (workload.random.below(12) === 0) {
      await mineBlob(await workload.blobTransaction());
      continue;
    }
    const raws = [];
    for (let rest = workload.blockSize(); rest > 0; rest -= 1) raws.push(await workload.transaction());
    await mine(raws);
  }
} finally {
  await stop();
}

const lines = blocks.map((block) => `${JSON.stringify(block)}\n`).join('');
const packed = gzipSync(lines, { level: 9 });
writeFileSync(output, packed);
const transactions = blocks.reduce((sum, block) => sum + block.transactions.length, 0);
console.log({
  output,
  blocks: blocks.length,
  transactions,
  ...counts,
  bytes: lines.length,
  packedBytes: packed.length,
});
