// Feeds a hostile server, and reports the first error that there is about it, and how much memory it took.
//
//   WAITS open ADDRESS       opens the source
//   WAITS commit ADDRESS     and commits operations, as fast as the source lets it
//   WAITS feed ADDRESS       and does so for a while with a server that may take its time
import { report, type Waits } from '../../../client/test/support/bounded.js';
import { StreamSource } from '../../src/index.js';

const OPERATION_BYTES = 100_000;
/** Should nothing hold the source up. */
const OPERATIONS_MAX = 2_000;

const [waits = '', what, server = ''] = process.argv.slice(2);
const { answerMs, stalledMs } = JSON.parse(waits) as Waits;

await report(async () => {
  let told = (_code: string): void => undefined;
  const failed = new Promise<string>((resolve) => (told = resolve));
  const opening = StreamSource.open({
    servers: [server],
    systemId: 137n,
    windowBytes: 1 << 20,
    answerMs: what === 'feed' ? 2 * stalledMs : answerMs,
    connectMs: 60_000,
    openMs: 60_000,
    onServerState: (state) => {
      if (state.kind !== 'connected') told(state.error.code);
    },
  });
  const feed = async (): Promise<void> => {
    const source = await opening;
    for (let sent = 0; what !== 'open' && sent < OPERATIONS_MAX; sent++) {
      await new Promise(setImmediate);
      const operation = await source.startAtomicOp();
      operation.addEntry(1, new Uint8Array(OPERATION_BYTES));
      operation.commit().catch(() => undefined);
    }
  };
  feed().catch(() => undefined);
  if (what === 'feed') setTimeout(told, stalledMs, 'none');
  return failed;
});
