// Goal: the README is true. Its example runs as it stands there, on free ports, and its table of limits has the
// limits that are in force.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { StreamFile } from '@ds/stream-file';

import { codeUnder, plain, readDocument, tableUnder } from '../../codec/test/support/markdown.js';
import { defaultLimits, StreamServer } from '../src/index.js';
import { temporaryPath } from './support/stream.js';

const readme = readDocument('packages/server/README.md');

describe('The README', () => {
  it('has an example that runs', async () => {
    const program = codeUnder(readme, 'ts')
      .replaceAll(/^import (\{.*?\}) from '@ds\/(?:server|stream-file)';$/gm, 'const $1 = modules;')
      .replaceAll(/port: \d+/g, 'port: 0')
      .replace("'stream.bin'", JSON.stringify(await temporaryPath()));
    const printed: string[] = [];
    const listeners: (() => void)[] = [];
    let fileClosed = false;
    const open = async (...given: Parameters<typeof StreamFile.open>): Promise<StreamFile> => {
      const file = await StreamFile.open(...given);
      const close = file.close.bind(file);
      file.close = async () => {
        await close();
        fileClosed = true;
      };
      return file;
    };
    const context = {
      modules: { StreamServer, StreamFile: { open } },
      process: { once: (_signal: string, listener: () => void) => listeners.push(listener) },
      console: { log: (text: string) => printed.push(text) },
      TextEncoder,
      Uint8Array,
    };
    await (runInNewContext(`(async () => { ${program} })()`, context) as Promise<void>);
    for (const listener of listeners) listener();
    await expect.poll(() => fileClosed).toBe(true);
    expect(printed).toEqual(['the next entry is 2']);
  });

  it('says what the limits are', () => {
    const documented = tableUnder(readme, '## Limits').map(([name, value]) => [
      plain(name ?? ''),
      Number(value?.replaceAll(',', '')),
    ]);
    expect(documented).toEqual(Object.entries(defaultLimits));
  });
});
