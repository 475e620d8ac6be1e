/**
 * An app as a process. Goal: every way it can end gives the promised status and output. Method: a small app with a
 * command for each ending (fixture/ds-sample.ts) is compiled once and spawned.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../src/index.js';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const compiledFolder = fileURLToPath(new URL('dist', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));

beforeAll(() => {
  const output = [
    '--rootDir',
    '.',
    '--outDir',
    compiledFolder,
    '--declaration',
    'false',
    '--sourceMap',
    'false',
  ];
  execFileSync(compiler, ['-p', 'tsconfig.json', '--declarationMap', 'false', ...output], {
    cwd: packageFolder,
  });
}, 60_000);

afterAll(() => {
  rmSync(compiledFolder, { recursive: true, force: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [`${compiledFolder}/test/fixture/ds-sample.js`, ...args]);
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  const ended = once(child, 'close').then(([status]: unknown[]) => ({ ...output, status: status as number }));
  const isReady = async () => {
    while (!output.out.includes('ready')) await sleep(5);
  };
  return { child, ended, isReady };
}

describe('a process that is told to stop', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('by %s finishes its work and ends with 0', async (signal) => {
    const { child, ended, isReady } = start('daemon', '--port', '7');
    await isReady();
    child.kill(signal);
    const { out, err, status } = await ended;
    expect(status).toBe(0);
    expect(out).toBe('ready {"clients":"[::1]:7","source":"127.0.0.1:6901"}\n');
    const messages = err
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toEqual(['listening', `stopping: ${signal}`, 'closed']);
  });

  it('ends with 0 when its work rejects because of that', async () => {
    const { child, ended, isReady } = start('aborted', '--log-level', 'silent');
    await isReady();
    child.kill('SIGTERM');
    expect(await ended).toEqual({ out: 'ready {}\n', err: '', status: 0 });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('again by %s a second later ends at once with %i', async (signal, status) => {
    const { child, ended, isReady } = start('stubborn');
    await isReady();
    child.kill('SIGTERM');
    await once(child.stderr, 'data');
    await sleep(1100);
    child.kill(signal);
    expect((await ended).status).toBe(status);
  });

  it('several times within a second is told once, and finishes its work', async () => {
    const { child, ended, isReady } = start('slow-to-stop');
    await isReady();
    child.kill('SIGTERM');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    child.kill('SIGINT');
    const { out, status } = await ended;
    expect({ out, status }).toEqual({ out: 'ready {}\nfinished\n', status: 0 });
  });
});

describe('a process that fails', () => {
  it('says why in one line and ends with 1', async () => {
    const err = "ds-sample: can't open stream.bin: disk on fire\n";
    expect(await start('fail').ended).toEqual({ out: '', err, status: 1 });
  });

  it('shows the stack at log level debug', async () => {
    const { err } = await start('fail', '--log-level', 'debug').ended;
    expect(err).toMatch(/"stack":".*ds-sample\.js/);
  });

  it.each([
    ['throw-later', 'uncaught exception: out of the blue'],
    ['reject-later', 'unhandled rejection: out of the blue'],
  ])('in %s, where nobody catches, logs the stack', async (command, line) => {
    const { err, status } = await start(command).ended;
    expect(status).toBe(1);
    expect(err).toMatch(/"level":"fatal".*"stack"/);
    expect(err).toContain(`\nds-sample: ${line}\n`);
  });

  it('is not left hanging when nothing can end it any more', async () => {
    const { err, status } = await start('standstill').ended;
    expect(status).toBe(1);
    expect(err).toMatch(/^ds-sample: came to a standstill/);
  });
});

describe('a process that is misused', () => {
  it.each([['daemon', '--port', 'x'], ['nonsense'], [], ['misused', '--a', '--b']])(
    'as in %s %s %s says how and ends with 2',
    async (...args) => {
      const { out, err, status } = await start(...args).ended;
      expect({ out, status }).toEqual({ out: '', status: 2 });
      expect(err).toMatch(/^ds-sample: .+\nsee ds-sample --help\n$/);
    },
  );
});

describe('output', () => {
  it('ends quietly with 0 when its reader goes away', async () => {
    const { child, ended } = start('flood');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const { err, status } = await ended;
    expect({ err, status }).toEqual({ err: '', status: 0 });
  });

  it('is all there when the process has ended, also with a slow reader', async () => {
    const { child, ended } = start('burst');
    child.stdout.pause();
    await sleep(300);
    child.stdout.resume();
    const { out, status } = await ended;
    expect({ length: out.length, status }).toEqual({ length: 8_000_000, status: 0 });
  });

  it('of help and version goes to stdout, with 0', async () => {
    expect(await start('--version').ended).toEqual({ out: '1.2.3\n', err: '', status: 0 });
    expect(await start('daemon', '--help').ended).toMatchObject({ err: '', status: 0 });
  });
});

it('the version is found in the nearest package.json', () => {
  expect(packageVersion(import.meta.url)).toMatch(/^\d+\.\d+\.\d+/);
  expect(() => packageVersion('file:///module.js')).toThrow('no package.json');
});
