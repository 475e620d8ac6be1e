// The server that is measured: a stream file served by `@ds/server`, with commits made in the process, as an
// embedding program makes them.
import { StreamServer } from '@ds/server';
import { StreamFile, type Durability } from '@ds/stream-file';
import { answerParent } from '../processes/parent.js';
import { identity } from './corpus.js';
import { Histogram, type Summary } from './histogram.js';
import { atRate, DATA_BYTES, ENTRIES, nowUs, type Load } from './operations.js';

/** A stream file to be served, and how. */
export interface ServedFile {
  readonly path: string;
  readonly durability?: Durability;
  /** Processes that clients are spread over; 0: the server's own serves them. */
  readonly workers?: number;
}

let file: StreamFile;
let server: StreamServer;

const answers = {
  async serve({ path, durability = 'os', workers = 0 }: ServedFile): Promise<number> {
    file = await StreamFile.open(path, { create: identity, durability });
    const limits = { clientsMax: 20_000, clientsPerAddressMax: 20_000 };
    const address = { host: '127.0.0.1', port: 0 };
    server = await StreamServer.start({
      file,
      clients: address,
      source: address,
      limits,
      ...(workers > 0 && { workers: { count: workers } }),
    });
    return server.clientAddress.port;
  },
  /** Where it takes operations from a source. */
  sourcePort: (): number => server.sourceAddress?.port ?? 0,
  /** Resolves with operations made a second, and how long each took until it was acknowledged. */
  async commit(load: Load): Promise<{ perSecond: number; commit: Summary }> {
    const first = new Uint8Array(DATA_BYTES);
    const moment = new DataView(first.buffer);
    const data = new Uint8Array(DATA_BYTES).fill(7);
    const times = new Histogram();
    let last: Promise<void> | undefined;
    const perSecond = await atRate(load, () => {
      file.startAtomicOp();
      const askedUs = nowUs();
      moment.setFloat64(0, askedUs);
      for (let entry = 0; entry < ENTRIES; entry++) file.addStreamEntry(1, entry === 0 ? first : data);
      last = file.commitAtomicOp().then(() => {
        times.add(nowUs() - askedUs);
      });
    });
    await last;
    return { perSecond, commit: times.summary() };
  },
  /** Largest size of this process so far, and its size now, in MiB. */
  memory(): { most: number; now: number } {
    return {
      most: process.resourceUsage().maxRSS / 1024,
      now: process.memoryUsage.rss() / (1 << 20),
    };
  },
  async close(): Promise<void> {
    await server.close();
    await file.close();
  },
};

export type ServerProgram = typeof answers;
answerParent(answers);
