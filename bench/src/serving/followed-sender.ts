// A process that makes operations, ours or a bare one, and clients that follow it: measured in rounds, so that several can
// take turns and be compared round by round.
import { beside, type Figure } from '../benchmark.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import type { Summary } from './histogram.js';
import type { LoadProgram } from './load-program.js';
import { ENTRIES, type Load } from './operations.js';
import type { ServedFile, ServerProgram } from './server-program.js';

/** What is made, and how many follow it. */
export interface FollowedLoad extends Load {
  readonly clients: number;
}

/** What one round has come to. */
export interface Round {
  readonly perSecond: number;
  /** From an operation's commit until a client has it. */
  readonly receipt: Summary;
  /** From an operation's commit until it is acknowledged; not of a bare process, which has no such thing. */
  readonly commit?: Summary;
}

interface Sender {
  readonly program: AsyncDisposable;
  readonly port: number;
  readonly commit: () => Promise<Omit<Round, 'receipt'>>;
}

/** Clients connect anew for each round, and follow from its first operation on. */
export class FollowedSender implements AsyncDisposable {
  readonly rounds: Round[] = [];
  readonly port: number;
  readonly #load: FollowedLoad;
  readonly #sender: Sender;
  readonly #receiver = Child.start<LoadProgram>('load');
  #nextEntry: number;

  private constructor(load: FollowedLoad, sender: Sender, firstEntry = 0) {
    this.#load = load;
    this.#sender = sender;
    this.port = sender.port;
    this.#nextEntry = firstEntry;
  }

  static async bare(load: FollowedLoad): Promise<FollowedSender> {
    const program = Child.start<BareProgram>('bare');
    const port = await program.ask('follow', undefined);
    const commit = async (): Promise<{ perSecond: number }> => ({
      perSecond: await program.ask('commit', load),
    });
    return new FollowedSender(load, { program, port, commit });
  }

  /** @param firstEntry number of entries that the file has */
  static async served(load: FollowedLoad, file: ServedFile, firstEntry = 0): Promise<FollowedSender> {
    const program = Child.start<ServerProgram>('server');
    const port = await program.ask('serve', file);
    return new FollowedSender(load, { program, port, commit: () => program.ask('commit', load) }, firstEntry);
  }

  async round(): Promise<void> {
    const { clients, operationsPerSecond, seconds } = this.#load;
    const operations = Math.ceil(operationsPerSecond * seconds);
    const address = { port: this.port };
    const fromEntry = BigInt(this.#nextEntry);
    this.#nextEntry += operations * ENTRIES;
    await this.#receiver.ask('follow', { address, clients, operations, fromEntry });
    const made = await this.#sender.commit();
    this.rounds.push({ ...made, receipt: await this.#receiver.ask('followed', { operations }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender.program[Symbol.asyncDispose]();
    await this.#receiver[Symbol.asyncDispose]();
  }
}

/** A figure of all rounds beside those of another sender. */
export function compared(
  what: string,
  unit: string,
  valueOf: (round: Round) => number,
  sender: FollowedSender,
  other: FollowedSender,
): Figure {
  const rounds = sender.rounds.map(valueOf);
  return beside(what, unit, rounds, sender === other ? rounds : other.rounds.map(valueOf));
}
