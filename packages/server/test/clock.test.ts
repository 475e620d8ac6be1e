// Goal: a clock that is set, by hand or because the machine slept, changes nothing for anybody: times are measured, not told.
import { afterEach, describe, expect, it, vi } from 'vitest';

import { command, expectStop, OK, start } from './support/client.js';
import { hex, Peer, sleep } from './support/peer.js';
import { goldenStream, serve } from './support/stream.js';

const HOUR_MS = 3_600_000;
const entryCommand = command({ kind: 'entry', entryNumber: 2n });
const answerBytes = OK.length + 17;

/** From now on the clock goes so much ahead, or behind. */
function setClock(aheadMs: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('A clock that is set', () => {
  it('back keeps nobody waiting for an answer', async () => {
    const peer = await Peer.connect((await serve(await goldenStream())).clientAddress);
    peer.send(entryCommand);
    await peer.take(answerBytes);
    setClock(-HOUR_MS);
    peer.send(entryCommand);
    await peer.take(answerBytes);
  });

  it('ahead ends no connection', async () => {
    const server = await serve(await goldenStream());
    const [idle, streaming] = [await Peer.connect(server.clientAddress), await start(server, 3n)];
    idle.send(entryCommand);
    await idle.take(answerBytes);
    setClock(HOUR_MS);
    // Limits are looked at once a second.
    await sleep(1_500);
    idle.send(entryCommand);
    expect(hex(await idle.take(OK.length))).toBe(hex(OK));
    await expectStop(streaming);
  });
});
