// Commit slots as a power cut may leave them, but in a random history hardly ever does: the slot of a truncation was
// overwritten by a commit that is torn, while one of before, all of whose bytes happen to be there, still stands.
import { crc32 } from 'node:zlib';
import { HeaderPage } from '../src/commits/header-page.js';
import { bytes, concat, entryBytes, identity } from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 256;

/** The stream is as long as the truncation has left it. */
export async function trySlots(): Promise<void> {
  const entries = [0, 1, 2, 3].map((number) => entryBytes(1, number, bytes('aabb')));
  const extent = (count: number): { length: number; entries: number } => ({
    length: 4096 + 19 * count,
    entries: count,
  });
  const common = { epoch: 0n, session: 1n, clean: false };
  const whole = crc32(concat(entries.slice(2)));
  const headerPage = new HeaderPage(identity);
  headerPage.record({ ...common, sequence: 4, base: 3, start: extent(2), end: extent(4), dataCrc: whole });
  headerPage.record({ ...common, sequence: 12, base: 5, start: extent(2), end: extent(3), dataCrc: whole });
  const content = new Uint8Array(4096 + 10 * pageBytes);
  content.set(concat([headerPage.bytes, ...entries]));
  const machine = new SimulatedMachine();
  machine.disk.put('/data/stream.bin', content);
  const { totalEntries } = (await machine.open({ pageBytes })).header;
  if (totalEntries !== 2n) throw new Error(`${totalEntries} entries instead of 2`);
}
