// `ds-source --outbox`: whatever is killed, what was handed over is in the stream once it is all up again, and once only.
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import {
  entriesOf,
  keysOf,
  runSource,
  startServer,
  startSource,
  summaryOf,
  totalOf,
  until,
} from './support/programs.js';

/** Operation `index`, of two entries. */
function line(index: number): string {
  const key = index.toString(16).padStart(8, '0');
  return `{"entries":[{"bookmark":"0x${key}"},{"type":1,"data":"0x${key.repeat(20)}"}]}\n`;
}

describe('An outbox', () => {
  it('keeps all operations through the end of source and server, each in exactly once', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const args = ['--server', server.source, '--outbox', folder.path('outbox.bin'), '--ops', '-'];
    let next = 0;
    for (const delayMs of [150, 400, 700]) {
      await using source = startSource(args);
      source.child.stdin.on('error', () => undefined);
      for (let index = next; index < next + 20_000; index++) source.child.stdin.write(line(index));
      const before = await totalOf(server);
      await until(async () => (await totalOf(server)) > before);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await Promise.all([source.stop('SIGKILL'), server.program.stop('SIGKILL')]);
      await server.restart();
      // A source without input sends what the server lacks, and says where the stream ends.
      const ended = await runSource(args, '');
      expect(ended).toMatchObject({ status: 0 });
      const { nextEntry } = summaryOf(ended);
      expect(Number(nextEntry)).toBe(await totalOf(server));
      expect(Number(nextEntry) % 2).toBe(0);
      next = Number(nextEntry) / 2;
    }
    await runSource(args, line(next) + line(next + 1));
    const keys = await keysOf(server);
    expect(keys.length).toBe(next + 2);
    expect(keys.every((key, at) => key === at)).toBe(true);
  }, 120_000);

  it('fills a server that joins empty', async () => {
    await using folder = await temporaryFolder();
    await using one = await startServer(folder, 'one.bin');
    const outbox = ['--outbox', folder.path('outbox.bin'), '--ops', '-'];
    await runSource(
      ['--server', one.source, ...outbox],
      Array.from({ length: 500 }, (_, at) => line(at)).join(''),
    );
    await using other = await startServer(folder, 'other.bin');
    const ended = await runSource(['--server', `${one.source},${other.source}`, ...outbox], line(500));
    expect(summaryOf(ended)).toMatchObject({ operations: 1, firstEntry: '1000', nextEntry: '1002' });
    expect(await entriesOf(other)).toEqual(await entriesOf(one));
  });

  it('is enough for an acknowledgement when no server is asked for', async () => {
    await using folder = await temporaryFolder();
    const args = ['--server', '127.0.0.1:1', '--outbox', folder.path('outbox.bin'), '--ops', '-'];
    const ended = await runSource([...args, '--quorum', '0'], line(0));
    expect(summaryOf(ended)).toMatchObject({ operations: 1, nextEntry: '2' });
    expect((await runSource([...args.slice(0, 2), '--ops', '-', '--quorum', '0'], '')).status).toBe(2);
  });
});
