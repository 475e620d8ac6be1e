// `ds-source` and its servers: several of them, restarts, tokens, takeovers, and how it ends.
import { writeFile } from 'node:fs/promises';
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

/** Operations of two entries each, all different. */
function operations(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const key = index.toString(16).padStart(8, '0');
    return `{"entries":[{"bookmark":"0x${key}"},{"type":1,"data":"0x${key.repeat(20)}"}]}\n`;
  }).join('');
}

const oneLine = '{"entries":[{"type":1,"data":"0x01"}]}\n';

describe('Two servers', () => {
  it('get the same', async () => {
    await using folder = await temporaryFolder();
    await using one = await startServer(folder, 'one.bin');
    await using other = await startServer(folder, 'other.bin');
    const server = `${one.source},${other.source}`;
    const ended = await runSource(['--server', server, '--ops', '-'], operations(500));
    expect(ended.status).toBe(0);
    expect(summaryOf(ended)).toMatchObject({ operations: 500, entries: 1000, nextEntry: '1000' });
    const entries = await entriesOf(one);
    expect(entries).toHaveLength(1000);
    expect(await entriesOf(other)).toEqual(entries);
  });

  it('of which one is left out make it fail at the end, when all were asked for', async () => {
    await using folder = await temporaryFolder();
    await using one = await startServer(folder, 'one.bin');
    await using other = await startServer(folder, 'other.bin');
    await runSource(['--server', other.source, '--ops', '-'], oneLine);
    const args = ['--server', `${one.source},${other.source}`, '--ops', '-'];
    const ended = await runSource(args, oneLine);
    expect(ended.status).toBe(1);
    expect(ended.err).toMatch(
      new RegExp(`ds-source: not every server has everything: ${one.source}: .*0 entries`),
    );
    expect(await totalOf(other)).toBe(2);
    const withAny = await runSource([...args, '--quorum', 'any'], oneLine);
    expect(withAny.status).toBe(0);
    expect(await totalOf(other)).toBe(3);
  });
});

describe('A server that is restarted in the middle', () => {
  it('loses nothing and doubles nothing', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using source = startSource(['--server', server.source, '--ops', '-']);
    const lines = operations(3_000).split(/(?<=\n)/);
    const send = async (from: number, to: number): Promise<void> => {
      for (const line of lines.slice(from, to)) source.child.stdin.write(line);
      await until(async () => (await totalOf(server)) > 2 * from);
    };
    await send(0, 1_000);
    source.child.stdin.write(lines.slice(1_000, 2_000).join(''));
    await server.restart();
    await send(2_000, 3_000);
    source.child.stdin.end();
    const ended = await source.ended();
    expect(ended.status).toBe(0);
    expect(summaryOf(ended)).toMatchObject({ operations: 3_000, entries: 6_000 });
    const keys = await keysOf(server);
    expect(keys).toEqual(Array.from({ length: 3_000 }, (_, index) => index));
  });
});

describe('A server', () => {
  it('that is not there is named', async () => {
    const ended = await runSource(['--server', '127.0.0.1:1', '--ops', '-', '--open-timeout', '200ms'], '');
    expect(ended).toMatchObject({ status: 1, out: '' });
    expect(ended.err).toMatch(
      /\nds-source: no server was reached in 200 ms: cannot connect to 127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/,
    );
  });

  it('of another chain is named', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder, 'stream.bin', ['--system-id', '137']);
    const refused = await runSource(['--server', server.source, '--ops', '-'], oneLine);
    expect(refused.status).toBe(1);
    expect(refused.err).toContain('System id 1 is not this stream');
    const taken = await runSource(['--server', server.source, '--ops', '-', '--system-id', '137'], oneLine);
    expect(taken.status).toBe(0);
  });

  it('that asks for a token gets it from a file, and it is never shown', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.path('right'), 'open sesame\n');
    await writeFile(folder.path('wrong'), 'open barley\n');
    await using server = await startServer(folder, 'stream.bin', ['--token-file', folder.path('right')]);
    const run = (...more: string[]): ReturnType<typeof runSource> =>
      runSource(['--server', server.source, '--ops', '-', '--log-level', 'trace', ...more], oneLine);
    const right = await run('--token-file', folder.path('right'));
    expect(right.status).toBe(0);
    expect(right.err).not.toContain('sesame');
    for (const wrong of [await run(), await run('--token-file', folder.path('wrong'))]) {
      expect(wrong.status).toBe(1);
      expect(wrong.err).toContain('Unauthorized (33)');
      expect(wrong.err).not.toContain('barley');
    }
  });

  it('that a newer source takes over ends this one, also while it has nothing to send', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using old = startSource(['--server', server.source, '--ops', '-', '--epoch', '1']);
    old.child.stdin.write(oneLine);
    await until(async () => (await totalOf(server)) === 1);
    const newer = await runSource(['--server', server.source, '--ops', '-', '--epoch', '2'], oneLine);
    expect(summaryOf(newer)).toMatchObject({ firstEntry: '1', nextEntry: '2' });
    const ended = await old.ended();
    expect(ended.status).toBe(1);
    expect(ended.err).toContain('A source with epoch 2 has taken over');
    expect(summaryOf(ended)).toMatchObject({ operations: 1, nextEntry: '1' });
  });
});

describe('Bad usage', () => {
  const server = ['--server', '127.0.0.1:6901'];
  it.each([
    [['--ops', '-'], '--server'],
    [server, 'give exactly one of --ops, --blocks and --rpc'],
    [[...server, '--ops', '-', '--blocks', '-'], 'give exactly one of --ops, --blocks and --rpc'],
    [[...server, '--rpc', 'http://localhost'], '--rpc needs --from-block'],
    [[...server, '--rpc', 'localhost:8545', '--from-block', '1'], '--rpc'],
    [[...server, '--ops', '-', '--from-block', '1'], '--from-block goes with --rpc only'],
    [[...server, '--ops', '-', '--to-block', '1'], '--to-block goes with --rpc only'],
    [[...server, '--ops', '-', '--resume-from', 'a:1'], '--resume-from goes with --blocks and --rpc only'],
    [[...server, '--blocks', '-', '--resume-tls'], '--resume-tls and so on go with --resume-from only'],
    [
      [...server, '--blocks', '-', '--resume-from', 'a:1', '--resume-tls-cert', 'c'],
      '--resume-tls-cert and --resume-tls-key belong together',
    ],
    [[...server, '--ops', '-', '--quorum', '2'], '--quorum 2 is more than the servers given: 1'],
    [[...server, '--ops', '-', '--quorum', 'most'], 'bad value "most" for --quorum'],
    [['--server', 'a:0', '--ops', '-'], '--server needs a port above 0'],
    [['--server', 'a:1,b:1,a:1', '--ops', '-'], '--server names a server twice'],
    [[...server, '--ops', '/nowhere/ops.jsonl'], "can't read /nowhere/ops.jsonl"],
    [[...server, '--ops', '-', '--token-file', '/nowhere/token'], "can't read the token file /nowhere/token"],
  ])('ends it with 2, and says what is wrong: %j', async (args, reason) => {
    const { status, out, err } = await runSource(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(reason);
    expect(err).toContain('see ds-source --help');
  });
});
