// The server that is measured: a stream file served by `@ds/server`, with commits made in the process, as an
// embedding program makes them.
import { StreamServer } from '@ds/server';
import { StreamFile, type Durability } from '@ds/stream-file';
import { answerParent } from '../processes/parent.js';
import { identity } from './corpus.js';
import { Histogram, type Summary } from './histogram.js';
import { atRate, DATA_BYTES, ENTRIES, nowUs, type Load } from './operations.js';

/** What is served, and how. */
interface Serving {
  readonly path: string;
  readonly durability?: Durability;
  /** Processes that clients are spread over; 0: the server's own serves them. */
  readonly workers?: number;
}

let file: StreamFile;
let server: StreamServer;

const answers = {
  async serve({ path, durability = 'os', workers = 0 }: Serving): Promise<number> {
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
  commit(load: Load): Promise<number> {
    const first = new Uint8Array(DATA_BYTES);
    const moment = new DataView(first.buffer);
    const data = new Uint8Array(DATA_BYTES).fill(7);
    return atRate(load, () => {
      file.startAtomicOp();
      moment.setFloat64(0, nowUs());
      for (let entry = 0; entry < ENTRIES; entry++) file.addStreamEntry(1, entry === 0 ? first : data);
      void file.commitAtomicOp();
    });
  },
  /** Commits as `commit` does; resolves with how long the acknowledgements took. */
  async acknowledge(load: Load): Promise<Summary> {
    const times = new Histogram();
    const data = new Uint8Array(DATA_BYTES).fill(7);
    let last: Promise<unknown> | undefined;
    await atRate(load, () => {
      const askedUs = nowUs();
      file.startAtomicOp();
      for (let entry = 0; entry < ENTRIES; entry++) file.addStreamEntry(1, data);
      last = file.commitAtomicOp().then(() => {
        times.add(nowUs() - askedUs);
      });
    });
    await last;
    return times.summary();
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
