/**
 * An app as a process. Goal: every way it can end gives the promised status and output. Method: a small app with a
 * command for each ending (fixture/ds-sample.ts) is compiled once and spawned.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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

const sample = [process.execPath, `${compiledFolder}/test/fixture/ds-sample.js`] as const;
const start = (...args: string[]) => startCommand(...sample, ...args);

function startCommand(command: string, ...args: string[]) {
  const child = spawn(command, args);
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  const ended = once(child, 'close').then(([status]: unknown[]) => ({ ...output, status: status as number }));
  const isReady = async () => {
    while (!output.out.includes('ready')) await sleep(5);
  };
  return { child, ended, isReady };
}

/** A pipe that nobody writes to: opening it never comes back, as a call to a dead disk does not. */
function deadPipe(): string {
  const folder = mkdtempSync(join(tmpdir(), 'run-app-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
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

  it.each(['SIGINT', 'SIGTERM'] as const)('again by %s a second later is ended by it', async (signal) => {
    const { child, ended, isReady } = start('stubborn');
    await isReady();
    child.kill('SIGTERM');
    await once(child.stderr, 'data');
    await sleep(1100);
    child.kill(signal);
    await ended;
    expect(child.signalCode).toBe(signal);
  });

  it('again a second later is ended, also when the system does not come back from a call', async () => {
    const { child, ended, isReady } = start('stubborn', '--opens', deadPipe());
    await isReady();
    child.kill('SIGTERM');
    await once(child.stderr, 'data');
    await sleep(1100);
    child.kill('SIGTERM');
    await ended;
    expect(child.signalCode).toBe('SIGTERM');
  });

  it('again a second later is ended, also as the first process of a container', async (context) => {
    const container = ['unshare', '--pid', '--fork', '--kill-child'] as const;
    try {
      execFileSync(container[0], [...container.slice(1), 'true'], { stdio: 'pipe' });
    } catch {
      context.skip('no container can be made here');
      return;
    }
    const { child, ended, isReady } = startCommand(
      ...container,
      ...sample,
      'stubborn',
      '--opens',
      deadPipe(),
    );
    await isReady();
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' });
    const pid = Number(children);
    process.kill(pid, 'SIGTERM');
    await once(child.stderr, 'data');
    await sleep(1100);
    process.kill(pid, 'SIGTERM');
    const { err } = await ended;
    expect(err).toMatch(/stopping: SIGTERM/);
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
