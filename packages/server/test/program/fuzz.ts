// Tries what peers may send on the server that it was bundled with: which fuzz, and how many conversations. Prints what was
// found as a line of JSON.
import { fuzzClients } from '../fuzz/clients.js';
import type { Fuzz } from '../fuzz/fuzz.js';
import { checkLongConversations, checkPassingPeers, checkQuietPeers } from '../fuzz/memory.js';
import { fuzzSources } from '../fuzz/sources.js';
import type { Ends } from '../fuzz/transcript.js';

const fuzzes: Readonly<Record<Fuzz, (count: number) => Ends | Promise<void>>> = {
  clients: fuzzClients,
  sources: fuzzSources,
  'long conversations': checkLongConversations,
  'quiet peers': checkQuietPeers,
  'passing peers': checkPassingPeers,
};

const [fuzz, count] = process.argv.slice(2);
let found: string | null = null;
let ends: Ends | undefined;
try {
  ends = (await fuzzes[fuzz as Fuzz](Number(count))) ?? {};
} catch (error) {
  found = error instanceof Error ? error.message : String(error);
}
process.stdout.write(`${JSON.stringify({ found, ends })}\n`);
