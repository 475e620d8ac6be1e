/**
 * What a serving app counts, in the form that Prometheus reads. Names and units follow its conventions, and every label's
 * values come from a small set; what there is of each client is asked for apart.
 */

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ResultCode } from '@ds/codec';
import type { ServerObserver, StreamServer } from '@ds/server';
import type { StorageObserver, StreamFile } from '@ds/stream-file';

/** What the figures are taken from when they are asked for. */
export interface Measured {
  readonly file: Pick<StreamFile, 'header' | 'failure' | 'cache'>;
  readonly server: Pick<StreamServer, 'clients' | 'sourceCount' | 'workers'>;
  /** How many entries the upstream has, as far as is known. */
  readonly upstreamEntries?: () => bigint | undefined;
}

/** Which figures there are besides those of every serving app. */
export interface MetricsKinds {
  /** Those of a relay. */
  readonly hasUpstream?: boolean;
}

/** From a tenth of a millisecond, what a sync costs at best, to 10 s, when something is very wrong. */
const LATENCY_BUCKETS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10];

const resultNames = new Map<number, string>(Object.entries(ResultCode).map(([name, code]) => [code, name]));

export class Metrics {
  readonly registry = new Registry();
  /** To be given to the server. */
  readonly serverObserver: ServerObserver;
  /** To be given to the stream file. */
  readonly storageObserver: StorageObserver;

  /** `measured` gives undefined as long as nothing is served. */
  constructor(measured: () => Measured | undefined, { hasUpstream = false }: MetricsKinds = {}) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    const gauge = (name: string, help: string, value: (from: Measured) => number | Promise<number>): void => {
      const created: Gauge = new Gauge({
        name,
        help,
        registers,
        async collect() {
          const from = measured();
          if (from) created.set(await value(from));
        },
      });
    };
    gauge('ds_stream_entries', 'Committed entries.', ({ file }) => Number(file.header.totalEntries));
    gauge('ds_stream_bytes', 'Bytes of the stream file in use.', ({ file }) =>
      Number(file.header.totalLength),
    );
    gauge('ds_storage_failed', '1 when nothing can be written any more.', ({ file }) =>
      file.failure ? 1 : 0,
    );
    if (hasUpstream) {
      gauge('ds_upstream_entries', 'Entries that the upstream had when it was last asked.', (from) =>
        Number(from.upstreamEntries?.() ?? 0),
      );
    }
    gauge('ds_sources', 'Source connections.', ({ server }) => server.sourceCount);
    gauge(
      'ds_client_lag_bytes_max',
      'Bytes that the client furthest behind has not taken.',
      async ({ server }) => {
        let most = 0;
        for (const { lagBytes } of await server.clients()) most = Math.max(most, lagBytes);
        return most;
      },
    );
    gauge('ds_workers', 'Processes that serve clients; 0 where the main one does.', ({ server }) =>
      server.workers ? server.workers.running : 0,
    );
    gauge('ds_workers_resident_memory_bytes', 'Memory of these processes.', ({ server }) =>
      server.workers ? server.workers.residentBytes : 0,
    );
    /** Of this process and of those that serve clients. */
    const cached = (name: keyof StreamFile['cache']): ((from: Measured) => number) => {
      return ({ file, server }) => file.cache[name] + (server.workers?.cache[name] ?? 0);
    };
    gauge('ds_page_cache_bytes', 'Memory of the pages that are kept, whole pages.', cached('bytes'));
    gauge('ds_pages_on_loan', 'Pages of which bytes are on their way to clients.', cached('pagesOnLoan'));
    const counted = (name: string, help: string, value: (from: Measured) => number): void => {
      const created: Counter = new Counter({
        name,
        help,
        registers,
        collect() {
          const from = measured();
          if (!from) return;
          created.reset();
          created.inc(value(from));
        },
      });
    };
    counted(
      'ds_page_cache_hits_total',
      'Pages that were in memory when they were asked for.',
      cached('hits'),
    );
    counted('ds_page_cache_misses_total', 'Pages that had to be waited for.', cached('misses'));
    counted(
      'ds_workers_cpu_seconds_total',
      'Time of processors that processes that serve clients have taken.',
      ({ server }) => server.workers?.cpuSeconds ?? 0,
    );
    counted(
      'ds_workers_lost_total',
      'Processes that served clients and have ended though nobody had asked them to.',
      ({ server }) => server.workers?.lost ?? 0,
    );
    const clients = new Gauge<'state'>({
      name: 'ds_clients',
      help: 'Client connections by what they do.',
      labelNames: ['state'],
      registers,
      async collect() {
        const counts = { stopped: 0, streaming: 0, closed: 0 };
        for (const { state } of (await measured()?.server.clients()) ?? []) counts[state]++;
        for (const [state, count] of Object.entries(counts)) clients.set({ state }, count);
      },
    });

    const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
      new Counter({ name, help, labelNames, registers });
    const accepted = counter('ds_connections_total', 'Connections let in.', ['peer']);
    const refused = counter('ds_connections_refused_total', 'Connections not let in.', ['peer', 'reason']);
    const ended = counter('ds_disconnects_total', 'Connections that have ended.', ['peer', 'reason']);
    const rejected = counter('ds_rejected_total', 'Commands answered with an error.', ['peer', 'error']);
    const sent = counter('ds_sent_bytes_total', 'Bytes of the stream handed to clients.', []);
    const sentEntries = counter(
      'ds_sent_entries_total',
      'Entries of the stream handed to clients, the same one counted for each of them; answers to queries are not.',
      [],
    );
    this.serverObserver = {
      accepted: (peer) => {
        accepted.inc({ peer });
      },
      refused: (peer, reason) => {
        refused.inc({ peer, reason });
      },
      disconnected: (peer, reason) => {
        ended.inc({ peer, reason });
      },
      rejected: (peer, code) => {
        rejected.inc({ peer, error: resultNames.get(code) ?? 'other' });
      },
      sent: (bytes, entries) => {
        sent.inc(bytes);
        sentEntries.inc(entries);
      },
    };

    const histogram = (name: string, help: string): Histogram =>
      new Histogram({ name, help, buckets: LATENCY_BUCKETS_S, registers });
    const committed = histogram('ds_commit_seconds', 'Time from a commit to its acknowledgement.');
    const synced = histogram('ds_sync_seconds', 'Time of a sync of the stream file.');
    this.storageObserver = {
      committed: (latencyMs) => {
        committed.observe(latencyMs / 1000);
      },
      synced: (latencyMs) => {
        synced.observe(latencyMs / 1000);
      },
    };
  }
}
