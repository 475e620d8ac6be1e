/** What `ds-source` can be told: the one place where each option, its default and its limits stand. */

import {
  checkConnect,
  connectOptions,
  field,
  formatAddress,
  type ConnectGiven,
  type Options,
} from '@ds/app-kit';

const timeout = (): ReturnType<typeof field.duration> => field.duration({ min: 1 });

/** A port for clients has a token and a certificate of its own: it must never be shown the one that lets a source write. */
const resume = connectOptions;
const resumeOptions = {
  resumeToken: resume.token.meta({ description: 'as --token, but for the server of --resume-from' }),
  resumeTokenFile: resume.tokenFile.meta({
    description: 'as --token-file, but for the server of --resume-from',
  }),
  resumeTls: resume.tls.meta({ description: 'connect to the server of --resume-from over TLS' }),
  resumeTlsCa: resume.tlsCa.meta({ description: 'as --tls-ca, but for the server of --resume-from' }),
  resumeTlsCert: resume.tlsCert.meta({ description: 'as --tls-cert, but for the server of --resume-from' }),
  resumeTlsKey: resume.tlsKey.meta({ description: 'as --tls-key, but for the server of --resume-from' }),
  resumeTlsServerName: resume.tlsServerName.meta({
    description: 'as --tls-server-name, but for the server of --resume-from',
  }),
};

export const options = {
  server: field.addressList().meta({ description: 'source ports of the servers to feed' }),
  ops: field.path().optional().meta({
    placeholder: 'file|-',
    description: 'operations to send, one JSON object a line; - is stdin, a name in .gz is read decompressed',
  }),
  blocks: field.path().optional().meta({
    placeholder: 'file|-',
    description: 'blocks to send as JSON-RPC has them, with full transactions, one a line',
  }),
  rpc: field.url().optional().meta({
    description: 'Ethereum node whose blocks are sent, its head followed; needs --from-block',
    secret: true,
  }),
  fromBlock: field.u64().optional().meta({
    description: 'first block to take from the node when the stream is empty',
  }),
  toBlock: field.u64().optional().meta({
    description: 'last block to take from the node; without it, the head is followed until a signal comes',
  }),
  confirmations: field.u64().default(0n).meta({
    description: "blocks that stay back behind the node's head, so that the chain may still change there",
  }),
  pollInterval: timeout().default(1000).meta({ description: 'time between looks at the head of the node' }),
  nodeTimeout: timeout().default(30_000).meta({ description: 'time for one answer of the node' }),
  nodeRetry: field.duration().default(300_000).meta({
    description: 'time for which a node that fails is tried again',
  }),
  resumeFrom: field.address().optional().meta({
    description:
      "a server's port for clients, to see there which block the stream ends with; what it has is skipped",
  }),
  ...resumeOptions,
  systemId: field.u64().default(1n).meta({ description: "the streams' system id, such as a chain id" }),
  streamType: field.u64().default(1n).meta({ description: "the streams' type; 1 is a sequencer's" }),
  epoch: field.u64().optional().meta({
    description: 'shuts out sources with a lower one; the time in ms if not given: who starts last writes',
  }),
  ...connectOptions,
  outbox: field.path().optional().meta({
    description:
      'stream file that keeps all operations, so that none is lost when source and servers end together',
  }),
  quorum: field
    .either(field.choice(['all', 'any']), field.integer({ min: 0 }))
    .default('all')
    .meta({
      description:
        'how many servers must have an operation before it counts as acknowledged; 0: the outbox is enough',
    }),
  window: field
    .size({ min: 1 })
    .default(16 << 20)
    .meta({ description: 'unacknowledged operations above which no more input is read' }),
  keep: field
    .size()
    .default(64 << 20)
    .meta({ description: 'acknowledged operations kept in memory for servers that are behind' }),
  lineMax: field
    .size({ min: 1, max: 511 << 20 })
    .default(128 << 20)
    .meta({ description: 'longest line of --ops or --blocks' }),
  connectTimeout: timeout().default(10_000).meta({ description: 'time to connect to a server' }),
  answerTimeout: timeout()
    .default(30_000)
    .meta({ description: 'time without an answer while one is awaited' }),
  openTimeout: timeout()
    .default(30_000)
    .meta({ description: 'time in which a first server must be reached' }),
  stopTimeout: timeout().default(30_000).meta({
    description: 'time after a signal in which the servers must acknowledge what was sent',
  }),
};

export type SourceOptions = Options<typeof options>;

/** What stands before the names of the options that the server of `resumeFrom` is connected to with. */
export const RESUME_PREFIX = 'resume-';

/** How the server of `resumeFrom` is connected to. */
export function resumeGiven(given: SourceOptions): ConnectGiven {
  return {
    token: given.resumeToken,
    tokenFile: given.resumeTokenFile,
    tls: given.resumeTls,
    tlsCa: given.resumeTlsCa,
    tlsCert: given.resumeTlsCert,
    tlsKey: given.resumeTlsKey,
    tlsServerName: given.resumeTlsServerName,
  };
}

/** What is wrong with options that are each right by themselves. */
export function checkOptions(given: SourceOptions): string | undefined {
  const { server, ops, blocks, rpc, fromBlock, toBlock, resumeFrom, quorum } = given;
  const inputs = [ops, blocks, rpc].filter((input) => input !== undefined);
  if (inputs.length !== 1) return 'give exactly one of --ops, --blocks and --rpc';
  if (rpc && fromBlock === undefined) return '--rpc needs --from-block: where an empty stream begins';
  if (!rpc && fromBlock !== undefined) return '--from-block goes with --rpc only';
  if (!rpc && toBlock !== undefined) return '--to-block goes with --rpc only';
  if (ops !== undefined && resumeFrom) return '--resume-from goes with --blocks and --rpc only';
  if (server.some(({ port }) => port === 0)) return '--server needs a port above 0';
  if (new Set(server.map((each) => formatAddress(each))).size < server.length)
    return '--server names a server twice';
  if (quorum === 0 && given.outbox === undefined) return '--quorum 0 needs --outbox';
  if (typeof quorum === 'number' && quorum > server.length) {
    return `--quorum ${quorum} is more than the servers given: ${server.length}`;
  }
  const resuming = resumeGiven(given);
  if (!resumeFrom && Object.values(resuming).some((value) => value !== undefined && value !== false))
    return '--resume-token, --resume-tls and so on go with --resume-from only';
  return checkConnect(given) ?? checkConnect(resuming, RESUME_PREFIX);
}
