/**
 * From command line, environment and config file to options. Goal: one schema decides everything, the nearest source
 * wins, and every mistake is named together with where it was made. Method: the parser is pure, so nothing is spawned.
 */

import { describe, expect, it } from 'vitest';
import {
  defineApp,
  defineCommand,
  field,
  parseApp,
  UsageError,
  type App,
  type AppInput,
} from '../src/index.js';

const server = defineApp({
  name: 'ds-server',
  version: '1.2.3',
  description: 'Serves a stream.',
  examples: ['ds-server --file stream.bin'],
  options: {
    file: field.path().meta({ description: 'the stream file' }),
    port: field.port().default(6900).meta({ description: 'port for clients' }),
    sourcePort: field.port().default(6901).meta({ description: 'port for the source' }),
    durability: field
      .choice(['always', 'interval', 'os'])
      .default('always')
      .meta({ description: 'when to sync' }),
    interval: field.duration().default(10_000).meta({ description: 'time between syncs' }),
    systemId: field.u64().default(0n).meta({ description: 'system id' }),
    verify: field.flag().default(true).meta({ description: 'check the file first' }),
    peers: field.addressList().optional().meta({ description: 'others' }),
    token: field.text().optional().meta({ description: 'access token', secret: true, env: 'STREAM_TOKEN' }),
    trap: field.integer().optional().meta({ hidden: true }),
  },
  check: ({ port, sourcePort }) =>
    port !== 0 && port === sourcePort ? 'the two ports are the same' : undefined,
  main: () => Promise.resolve(),
});

const common = { server: field.address().meta({ description: 'server to ask' }) };
const client = defineApp({
  name: 'ds-client',
  version: '1.2.3',
  description: 'Asks a server.',
  options: common,
  commands: {
    follow: defineCommand({
      description: 'Follows the stream.',
      options: {
        ...common,
        fromBlock: field.u64().optional(),
        format: field.choice(['json', 'raw']).default('json'),
      },
      main: () => Promise.resolve(),
    }),
    entry: defineCommand({
      description: 'Shows one entry.',
      options: { ...common, number: field.u64().meta({ positional: true, description: 'its number' }) },
      main: () => Promise.resolve(),
    }),
  },
});

interface Given {
  readonly env?: AppInput['env'];
  /** The text of the only file there is, /etc/ds.json. */
  readonly file?: unknown;
}

function parse(app: App, line: string, { env = {}, file }: Given = {}) {
  return parseApp(app, {
    argv: line.split(' ').filter((word) => word !== ''),
    env,
    readFile: (path) => {
      if (path !== '/etc/ds.json' || file === undefined) throw new Error('ENOENT: no such file');
      return typeof file === 'string' ? file : JSON.stringify(file);
    },
  });
}

function options(...given: Parameters<typeof parse>): Readonly<Record<string, unknown>> {
  const invocation = parse(...given);
  if (invocation.kind !== 'run') throw new Error(`printed: ${invocation.text}`);
  return invocation.options;
}

function printed(...given: Parameters<typeof parse>): string {
  const invocation = parse(...given);
  if (invocation.kind !== 'print') throw new Error('ran instead of printing');
  return invocation.text;
}

/** The code and message of the misuse that parsing ends in. */
function misuse(...given: Parameters<typeof parse>): string {
  try {
    parse(...given);
  } catch (error) {
    if (error instanceof UsageError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('was accepted');
}

describe('a value', () => {
  const file = { file: 'f', sourcePort: 3 };

  it('comes from its default when it is given nowhere', () => {
    expect(options(server, '--file f')).toMatchObject({
      file: 'f',
      port: 6900,
      interval: 10_000,
      systemId: 0n,
    });
  });

  it('comes from the config file before the default', () => {
    expect(options(server, '--config /etc/ds.json', { file })).toMatchObject({ sourcePort: 3 });
  });

  it('comes from the environment before the config file', () => {
    const env = { DS_SERVER_SOURCE_PORT: '2', DS_SERVER_CONFIG: '/etc/ds.json' };
    expect(options(server, '', { env, file })).toMatchObject({ file: 'f', sourcePort: 2 });
  });

  it('comes from its flag before everything', () => {
    const env = { DS_SERVER_SOURCE_PORT: '2', DS_SERVER_CONFIG: '/etc/ds.json' };
    expect(options(server, '--source-port 1', { env, file })).toMatchObject({ sourcePort: 1 });
    expect(options(server, '--source-port=1', { env, file })).toMatchObject({ sourcePort: 1 });
  });

  it('is not taken from an environment variable that is empty', () => {
    expect(options(server, '--file f', { env: { DS_SERVER_PORT: '' } })).toMatchObject({ port: 6900 });
  });

  it('comes from the variable its field names', () => {
    expect(options(server, '--file f', { env: { STREAM_TOKEN: 's3' } })).toMatchObject({ token: 's3' });
  });

  it('of a switch is turned on and off by flags', () => {
    const env = { DS_SERVER_VERIFY: 'false' };
    expect(options(server, '--file f', { env })).toMatchObject({ verify: false });
    expect(options(server, '--file f --verify', { env })).toMatchObject({ verify: true });
    expect(options(server, '--file f --no-verify')).toMatchObject({ verify: false });
    expect(options(server, '--file f')).toMatchObject({ verify: true });
  });

  it('of a list grows with each flag', () => {
    expect(options(server, '--file f --peers a:1,b:2 --peers [::1]:3')).toMatchObject({
      peers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
        { host: '::1', port: 3 },
      ],
    });
  });
});

describe('a mistake is named with its place:', () => {
  const inFile = (file: unknown) => misuse(server, '--file f --config /etc/ds.json', { file });

  it('a bad flag', () => {
    expect(misuse(server, '--file f --port 70000')).toBe(
      'invalid: bad value "70000" for --port: expected a port, 0 to 65535',
    );
  });

  it('a bad environment variable', () => {
    expect(misuse(server, '--file f', { env: { DS_SERVER_PORT: 'tcp://10.0.0.1:6900' } })).toBe(
      'invalid: bad value "tcp://10.0.0.1:6900" for environment variable DS_SERVER_PORT: expected a port, 0 to 65535',
    );
  });

  it('a bad key of the config file', () => {
    expect(inFile({ interval: null })).toMatch(
      /^invalid: bad value null for "interval" in config file \/etc\/ds.json: expected a duration such as/,
    );
  });

  it('a bad item of a list', () => {
    expect(misuse(server, '--file f --peers a:1,nowhere')).toBe(
      'invalid: bad value "nowhere" for --peers: expected host:port, an IPv6 host in brackets',
    );
  });

  it('several at once', () => {
    expect(misuse(server, '--port x --durability never')).toMatch(
      /^invalid: missing --file .*; bad value "x" for --port.*; bad value "never" for --durability: expected one of/,
    );
  });

  it('a secret, without its value', () => {
    expect(inFile({ token: ['hunter2'] })).toBe(
      'invalid: bad value for "token" in config file /etc/ds.json: expected a text that is not empty',
    );
  });

  it('a required option that is given nowhere', () => {
    expect(misuse(server, '')).toBe(
      'missing: missing --file (or DS_SERVER_FILE, or "file" in the config file)',
    );
  });

  it('options that exclude each other', () => {
    expect(misuse(server, '--file f --port 1 --source-port 1')).toBe('conflict: the two ports are the same');
  });

  it('an unknown option', () => {
    expect(misuse(server, '--file f --prot 1')).toBe(
      "syntax: unknown option '--prot' (Did you mean --port?)",
    );
  });

  it('an option without its value', () => {
    expect(misuse(server, '--file')).toMatch(/^syntax: option '--file <path>' argument missing/);
  });

  it('an argument too many', () => {
    expect(misuse(server, '--file f g')).toMatch(/^syntax: too many arguments/);
  });

  it('an unknown key of the config file', () => {
    expect(inFile({ prot: 1, 'source-port': 1 })).toBe(
      'config: unknown key "prot", "source-port" (write "sourcePort") in config file /etc/ds.json',
    );
  });

  it('a config file that is not there', () => {
    expect(misuse(server, '--config nowhere.json')).toBe(
      "config: can't read config file nowhere.json: ENOENT: no such file",
    );
  });

  it('a config file that is not an object of JSON', () => {
    expect(inFile('{,}')).toMatch(/^config: config file \/etc\/ds.json is not JSON: /);
    expect(inFile([])).toMatch(/^config: config file \/etc\/ds.json must hold one JSON object/);
  });
});

describe('commands', () => {
  it('share the common options, before and after their name', () => {
    const values = { server: { host: 'h', port: 1 }, fromBlock: 5n, format: 'json' };
    expect(options(client, '--server h:1 follow --from-block 5')).toEqual(values);
    expect(options(client, 'follow --from-block 5 --server h:1')).toEqual(values);
    expect(options(client, 'follow --server h:1 --from-block 5')).toEqual(values);
  });

  it('take arguments by position', () => {
    expect(options(client, 'entry 0x10 --server h:1')).toMatchObject({ number: 16n });
    expect(misuse(client, 'entry x --server h:1')).toMatch(
      /^invalid: bad value "x" for <number>: expected an integer/,
    );
    expect(misuse(client, 'entry --server h:1')).toBe("syntax: missing required argument 'number'");
  });

  it('never take a positional argument from elsewhere', () => {
    const given = { env: { DS_CLIENT_NUMBER: '1' }, file: { number: 1 } };
    expect(misuse(client, 'entry --server h:1', given)).toMatch(/^syntax/);
    expect(misuse(client, 'entry 1 --config /etc/ds.json', given)).toMatch(/^config: unknown key "number"/);
  });

  it('share one config file, each taking what it knows', () => {
    const file = { server: 'h:1', format: 'raw' };
    expect(options(client, 'entry 1 --config /etc/ds.json', { file })).not.toHaveProperty('format');
    expect(options(client, 'follow --config /etc/ds.json', { file })).toMatchObject({ format: 'raw' });
  });

  it("don't take each other's options", () => {
    expect(misuse(client, 'entry 1 --server h:1 --format raw')).toMatch(/^syntax: unknown option '--format'/);
  });

  it('are named when one is missing or unknown', () => {
    expect(misuse(client, '--server h:1')).toBe('syntax: missing command: one of follow, entry');
    expect(misuse(client, 'folow')).toBe("syntax: unknown command 'folow' (Did you mean follow?)");
  });
});

describe('the help', () => {
  it('shows each option with default, unit, choices and variable', () => {
    const help = printed(server, '--help').replaceAll(/\s+/g, ' ');
    expect(help).toContain('--file <path> the stream file (required; env DS_SERVER_FILE)');
    expect(help).toContain(
      '--source-port <port> port for the source (default 6901; env DS_SERVER_SOURCE_PORT)',
    );
    expect(help).toContain('(in ms or with a unit; default 10s; env DS_SERVER_INTERVAL)');
    expect(help).toContain('(one of always, interval, os; default always; env DS_SERVER_DURABILITY)');
    expect(help).toContain('--[no-]verify check the file first (default true; env DS_SERVER_VERIFY)');
    expect(help).toContain('--log-level <level>');
    expect(help).toContain('--config <file>');
    expect(help).toContain('Examples: ds-server --file stream.bin');
  });

  it('leaves out hidden options', () => {
    expect(printed(server, '--help')).not.toContain('--trap');
    expect(options(server, '--file f --trap 1')).toMatchObject({ trap: 1 });
  });

  it('of a command shows its own and the common options', () => {
    const help = printed(client, 'entry --help');
    expect(help).toContain('Usage: ds-client entry [options] <number>');
    expect(help).toContain('--server <host:port>');
  });

  it('needs nothing to be valid, and neither does the version', () => {
    expect(printed(server, '--port x -h')).toContain('Usage: ds-server');
    expect(printed(client, '--version')).toBe('1.2.3\n');
  });
});

it('options are shown as their user would write them, secrets masked', () => {
  const invocation = parse(server, '--file f --interval 90000 --peers [::1]:1 --token s3');
  expect(invocation).toMatchObject({
    printable: { file: 'f', interval: '90s', peers: '[::1]:1', token: '***', systemId: '0', verify: 'true' },
  });
});

it.each(['config', 'logLevel', 'help', 'version', 'noCache', 'snake_case', 'Port'])(
  'an option can not be named %s',
  (name) => {
    const define = () =>
      defineApp({
        name: 'ds-server',
        version: '1.2.3',
        description: 'Serves a stream.',
        options: { [name]: field.text() },
        main: () => Promise.resolve(),
      });
    expect(define).toThrow(TypeError);
  },
);
