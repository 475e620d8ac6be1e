// Goal: the README is true. Its example relays a stream as it stands there, and all codes of errors are explained.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

import { errorClassOf } from '../../codec/test/support/error-codes.js';
import { codeUnder, plain, readDocument, tableUnder } from '../../codec/test/support/markdown.js';
import { RUN_ENTRIES } from '../src/common-prefix.js';
import { StreamRelay } from '../src/index.js';
import { bytesAt, named, temporaryPath, Upstream } from './support/stream.js';

const readme = readDocument('packages/relay/README.md');

describe('The README', () => {
  it('has an example that relays a stream until it is told to end', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 3));
    const program = codeUnder(readme, 'ts')
      .replace(/^import (\{.*?\}) from '@ds\/relay';$/m, 'const $1 = modules;')
      .replace('localhost:6900', upstream.address)
      .replace('port: 7900', 'port: 0')
      .replace("'relay.bin'", JSON.stringify(await temporaryPath('relay.bin')));
    const printed: string[] = [];
    const listeners: (() => void)[] = [];
    const context = {
      modules: { StreamRelay },
      console: { log: (text: string) => printed.push(text) },
      process: { once: (_signal: string, listener: () => void) => listeners.push(listener) },
    };
    const running = runInNewContext(`(async () => { ${program} })()`, context) as Promise<void>;
    await expect.poll(() => listeners.length).toBe(1);
    const [, port] = /^serving chain 137 from 0 entries on, port (\d+)$/.exec(printed[0] ?? '') ?? [];
    const address = `127.0.0.1:${port}`;
    await expect.poll(() => bytesAt(address)).toEqual(await bytesAt(upstream.address));
    for (const listener of listeners) listener();
    await running;
  });

  it('explains all codes of errors, and no others', () => {
    const codes = errorClassOf('relay')?.codes;
    expect(codes?.length).toBeGreaterThan(3);
    expect(tableUnder(readme, '## Errors').map(([code]) => plain(code ?? ''))).toEqual(codes);
  });

  it('says how many entries are compared', () => {
    expect(readme).toContain(`the last ${RUN_ENTRIES} entries`);
    expect(readme).toContain(`runs of ${RUN_ENTRIES} entries`);
  });
});
