// Goal: `npm start` shows a whole stream and fails when what comes out is not what went in. The demo is run as its
// users run it, with fewer live blocks.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startProgram } from '@ds/app-kit/testing';
import { readBlocks } from '../src/blocks.js';
import { checkReceived } from '../src/check.js';
import { ReceivedStream } from '../src/received-stream.js';

const program = fileURLToPath(new URL('../bin/ds-demo', import.meta.url));
const recorded = fileURLToPath(new URL('../data/blocks.jsonl.gz', import.meta.url));
const quick = ['--live-blocks', '5', '--block-time', '20ms'];

describe('ds-demo', () => {
  it('brings all blocks through server and relays, and checks them', async () => {
    await using demo = startProgram(program, quick);
    const { status, out, err } = await demo.ended();
    expect(err).toBe('');
    expect(out).toContain('300/300 blocks, 3037 transactions, 3937 entries');
    expect(out).toMatch(/checked {4}all \d+ bytes are what the source sent/);
    expect(out).toContain('Where to go next');
    expect(status).toBe(0);
  });

  it('keeps running with --keep, and leaves nothing behind when it is ended', async () => {
    const folders = (): string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith('data-stream-demo-'));
    const before = folders();
    await using demo = startProgram(program, [...quick, '--keep']);
    await demo.writes('out', /Ctrl-C ends it\./);
    const { status } = await demo.stop();
    expect(status).toBe(0);
    expect(folders().filter((name) => !before.includes(name))).toEqual([]);
  });

  it('says which blocks it cannot read', async () => {
    await using demo = startProgram(program, ['--blocks', '/nowhere/blocks.jsonl']);
    const { status, err } = await demo.ended();
    expect(status).toBe(1);
    expect(err).toContain('/nowhere/blocks.jsonl');
  });
});

describe('the check at the end', () => {
  it('passes for the very stream, and for no other', async () => {
    const blocks = await readBlocks(recorded);
    const receive = (bytes: Uint8Array): ReceivedStream => {
      const received = new ReceivedStream();
      received.add(bytes);
      return received;
    };
    expect(() => {
      checkReceived(receive(blocks.stream), blocks);
    }).not.toThrow();

    const changed = new Uint8Array(blocks.stream);
    changed[changed.length - 1]! ^= 1;
    expect(() => {
      checkReceived(receive(changed), blocks);
    }).toThrow(/is not what the source sent/);
    expect(() => {
      checkReceived(receive(blocks.stream.subarray(0, -20)), blocks);
    }).toThrow(/is not what the source sent/);
  });
});
