/** Goal: what tests of apps rely on does not let a difference or a leftover pass. */

import { access, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { defineApp, field } from '../src/index.js';
import {
  exampleLines,
  optionsTable,
  readmeTable,
  runExample,
  startProgram,
  temporaryFolder,
} from '../src/testing/index.js';

const shape = {
  server: field.address().meta({ description: 'server to ask' }),
  idleTimeout: field.duration().default(60_000).meta({ description: 'time | patience' }),
  color: field.flag().default(true).meta({ description: 'in colour' }),
  mode: field.choice(['a', 'b']).default('a').meta({ description: 'how' }),
  inner: field.text().optional().meta({ hidden: true }),
  number: field.u64().meta({ positional: true, description: 'which one' }),
};

const readme = `# App

| not | this |
| --- | ---- |
| one | x    |

## Options

Said before.

| option                      | default    | what it does     |
| --------------------------- | ---------- | ---------------- |
| \`--server <host:port>\`      | required   | server to ask    |
| \`--idle-timeout <duration>\` | \`1m\`       | time \\| patience |
| \`--color\`                   | \`true\`     | in colour        |
| \`--mode <a\\|b>\`             | \`a\`        | how              |
| \`<number>\`                  | required   | which one        |

Said after.
`;

describe("a README's table of options", () => {
  it('is what the schema says', () => {
    expect(readmeTable(readme, '## Options')).toEqual(optionsTable(shape));
  });

  it('differs when a default does', () => {
    const other = {
      ...shape,
      idleTimeout: field.duration().default(1).meta({ description: 'time | patience' }),
    };
    expect(readmeTable(readme, '## Options')).not.toEqual(optionsTable(other));
  });

  it('is missed when its heading is gone', () => {
    expect(() => readmeTable(readme, '## Settings')).toThrow('"## Settings"');
  });
});

describe('the examples of an app', () => {
  const app = defineApp({
    name: 'ds-x',
    version: '1',
    description: 'Does x.',
    examples: ['ds-x --idle-timeout 5s > log', 'zcat a.gz | ds-x --no-color | head'],
    options: { idleTimeout: shape.idleTimeout, color: shape.color },
    main: () => Promise.resolve(),
  });
  const shown =
    '# x\n\n```sh\nds-x --idle-timeout 1s # soon\n# ready\n```\n\n```json\n{ "idleTimeout": "never" }\n```\n';

  it('are those of the help and of the README, without what the shell takes', () => {
    expect(exampleLines(app, shown).map(({ argv }) => argv)).toEqual([
      ['--idle-timeout', '5s'],
      ['--no-color'],
      ['--idle-timeout', '1s'],
    ]);
  });

  it('are refused where they are wrong, the config file too', () => {
    expect(runExample(app, shown, ['--idle-timeout', '1s'])).toBe('run');
    expect(() => runExample(app, shown, ['--idle', '1s'])).toThrow('--idle');
    expect(() => runExample(app, shown, ['--config', 'x'])).toThrow('idleTimeout');
  });
});

describe('a program', () => {
  const script = (text: string): string[] => ['-e', text];

  it('is awaited until it is ready, and told to stop', async () => {
    const text = `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000);
      setTimeout(() => console.log('ready {"clients":"h:1"}'), 20);`;
    await using program = startProgram(process.execPath, script(text));
    expect(await program.ready()).toEqual({ clients: 'h:1' });
    expect(await program.stop()).toEqual({ status: 7, out: 'ready {"clients":"h:1"}\n', err: '' });
  });

  it('that ends before it is ready says why', async () => {
    await using program = startProgram(process.execPath, script('console.error("no luck")'));
    await expect(program.ready()).rejects.toThrow('no luck');
  });

  it('is awaited until it writes something, on either stream', async () => {
    const text = 'console.error("warming up"); setTimeout(() => console.log(Buffer.from("é").length), 20)';
    await using program = startProgram(process.execPath, script(text));
    expect((await program.writes('err', /warming (\w+)/))[1]).toBe('up');
    await program.writes('out', /2\n/);
    expect([...program.outBytes()]).toEqual([0x32, 0x0a]);
    await expect(program.writes('out', /3/)).rejects.toThrow('not written /3/');
  });

  it('gets the variables it is given, and is gone behind its block', async () => {
    const text = 'console.log("ready", JSON.stringify(process.env)); setInterval(() => {}, 1000)';
    let child;
    {
      await using program = startProgram(process.execPath, script(text), { env: { DS_A: 'b' } });
      expect(await program.ready()).toMatchObject({ DS_A: 'b' });
      expect(await program.ready()).not.toHaveProperty('VITEST');
      ({ child } = program);
    }
    expect(child.signalCode).toBe('SIGKILL');
  });
});

it('a temporary folder is gone behind its block, with what is in it', async () => {
  let path;
  {
    await using folder = await temporaryFolder();
    path = folder.path('file');
    await writeFile(path, 'x');
  }
  await expect(access(path)).rejects.toThrow('ENOENT');
});
