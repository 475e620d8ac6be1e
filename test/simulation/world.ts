/** A whole data stream on simulated network, disks and clock, in which a seed decides what happens. */
import { SimulatedNetwork, type Link, type Random } from '@ds/test-kit';

import type { Work } from './application.js';
import { Check } from './check.js';
import { Consumer } from './consumer.js';
import { Follower } from './follower.js';
import { RelayMachine } from './relay-machine.js';
import { Sent } from './sent.js';
import { ServerMachine } from './server-machine.js';
import { SourceMachine, type SourceSettings } from './source-machine.js';
import { StreamTree } from './stream-tree.js';

/** What can arrive once more, and where. */
type Repeatable = Pick<Link, 'sent' | 'port' | 'server'>;

export class World {
  readonly random: Random;
  readonly identity = { systemId: 137n, streamType: 1n, version: 1 };
  readonly network: SimulatedNetwork;
  /** Whether the stream is cut and updated now and then. */
  readonly isRewritten: boolean;
  /** Whether servers can come to different ends, and stay so: a source without an outbox does not bring them together. */
  readonly canFork: boolean;
  /** Whether anybody's stream can lose what was committed there. */
  readonly canShrink: boolean;
  readonly check: Check;
  readonly work: Work;
  readonly servers: readonly ServerMachine[];
  /** Each follows the one before it, the first one a server. */
  readonly relays: readonly RelayMachine[];
  /** Clients that speak the published protocol, and programs on `@ds/client`. */
  readonly followers: (Follower | Consumer)[] = [];
  /** Sources that others have taken over from. */
  readonly superseded: SourceMachine[] = [];
  /** The connections that sources have made, oldest first. */
  readonly sourceLinks: Link[] = [];
  #source: SourceMachine;
  /** The epoch that the source is given which is started next; undefined where sources choose for themselves. */
  #epoch: bigint | undefined;
  #isCalm = false;
  #isOver = false;

  constructor(random: Random) {
    this.random = random;
    this.network = new SimulatedNetwork(random, {
      delayMsMax: random.pick([1, 5, 20]),
      pieceBytesMax: random.pick([60, 300, 1_460]),
      heldBytesMax: random.pick([200, 1_000, 16_384]),
      keepsSent: true,
    });
    this.isRewritten = random.chance(0.5);
    this.work = {
      left: random.integer(1, random.pick([14, 40])),
      pauseMsMax: random.pick([50, 1_000]),
      updates: new Map(),
    };
    const hasOutbox = random.chance(0.7);
    const servers = random.integer(1, 3);
    this.canFork = !hasOutbox && servers > 1;
    const quorums = ['all', 'any', random.integer(hasOutbox ? 0 : 1, servers)] as const;
    // A cut or an update that only some servers have is not known to the next source if there is no outbox.
    const quorum = this.canFork && this.isRewritten ? 'all' : random.pick(quorums);
    this.canShrink = this.isRewritten || this.canFork;
    const keptBytesMax = random.pick([0, 500, 1 << 20]);
    this.check = new Check(new StreamTree(random, this.canShrink), {
      quorum: quorum === 'any' ? 1 : quorum,
      canLeaveOut: this.canFork,
      keepsAll: quorum === 'all' || keptBytesMax === 1 << 20,
    });
    this.servers = Array.from({ length: servers }, (_, index) => new ServerMachine(this, index));
    const relays: RelayMachine[] = [];
    const upstream = random.chance(0.5) ? [random.pick(this.servers)] : this.servers;
    for (let index = random.integer(0, 2); index > 0; index--) {
      relays.push(new RelayMachine(this, index, relays.at(-1) ?? upstream));
    }
    this.relays = relays;
    const settings: SourceSettings = {
      hasOutbox,
      quorum,
      windowBytes: random.pick([100, 2_000, 1 << 20]),
      keptBytesMax,
    };
    this.#epoch = random.chance(0.5) ? 1n : undefined;
    this.#source = new SourceMachine(this, settings);
    this.network.fault = () =>
      !this.#isCalm && random.chance(this.canFork ? 0.3 : 0.1)
        ? random.pick(['refused', 'silent'])
        : undefined;
  }

  /** Whether nothing breaks any more. */
  get isCalm(): boolean {
    return this.#isCalm;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A higher one for each source program that is started; undefined where they choose for themselves. */
  nextEpoch(): bigint | undefined {
    return this.#epoch === undefined ? undefined : this.#epoch++;
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Runs the whole history; rejects if anything was ever wrong, or does not come right in the end. */
  async run(): Promise<void> {
    try {
      await Promise.race([this.#history(), this.check.violated]);
    } finally {
      this.#isOver = true;
      for (const follower of this.followers) follower.close();
      const sources = [this.#source, ...this.superseded];
      for (const machine of [...sources, ...this.servers, ...this.relays]) machine.crash('kill');
    }
  }

  async #history(): Promise<void> {
    const { random, servers } = this;
    for (const server of servers) if (random.chance(0.8)) await server.start();
    await this.#startSource();
    for (const relay of this.relays) relay.start();
    for (let count = random.integer(1, 2); count > 0; count--) {
      this.followers.push(new Follower(this, random.pick([...servers, ...this.relays])));
      this.followers.push(new Consumer(this));
    }
    for (let faults = random.integer(0, 12); faults > 0; faults--) {
      await this.pass(random.chance(0.5) ? random.integer(0, 30) : random.integer(0, 1_000));
      await this.#fault();
    }
    await this.#calmDown();
    while (!this.#isRight()) {
      await this.pass(100);
      // Nobody has waited for servers that are left out: they get a copy of another one.
      if (this.check.end && this.check.leftOutServers.size > 0) this.#source.crash('kill');
      if (!this.#source.isUp) await this.#startSource();
    }
    for (const server of servers) this.check.endsWith(server.durable);
  }

  async #fault(): Promise<void> {
    const { random } = this;
    const ending = random.pick(['kill', 'power cut'] as const);
    const server = random.pick(this.servers);
    const open = this.#openSourceLinks;
    const among = open.length > 0 && random.chance(0.4) ? open : this.network.links;
    const link = among.length > 0 ? random.pick(among) : undefined;
    const relay = this.relays.length > 0 ? random.pick(this.relays) : undefined;
    switch (random.integer(0, 10)) {
      case 0:
        link?.cut();
        break;
      case 1:
        link?.stall(random.integer(1, 4_000));
        break;
      case 2:
        link?.vanish();
        break;
      case 3:
        if (server.isUp) server.crash(ending);
        else await server.start();
        break;
      case 4:
        if (this.#source.isUp) this.#source.crash(ending);
        else await this.#startSource();
        break;
      case 5:
        if (relay?.isUp) relay.crash(ending);
        else relay?.start();
        break;
      case 6:
        // The source and all servers lose power together.
        if (this.#source.isUp) this.#source.crash('power cut');
        for (const each of this.servers) each.crash('power cut');
        break;
      case 7:
        await this.#takeOver();
        break;
      case 8:
        link?.abandon(random.integer(1, 4_000));
        break;
      case 9:
        void this.#repeat();
        break;
      default:
        for (const each of this.servers) if (!each.isUp) await each.start();
    }
  }

  get #openSourceLinks(): readonly Link[] {
    const { links } = this.network;
    return this.sourceLinks.filter((link) => links.includes(link));
  }

  /** What a source has sent on a connection arrives once more, at a moment when its newest one may be gone. */
  async #repeat(): Promise<void> {
    const { network, random } = this;
    if (this.canFork) return;
    const repeatable = this.isRewritten ? await this.#becomeKeptOut() : this.sourceLinks;
    if (repeatable.length === 0) return;
    const repeated = random.pick(repeatable);
    if (random.chance(0.7))
      for (const link of this.#openSourceLinks) if (link.port === repeated.port) link.cut();
    network.repeat(repeated);
  }

  /**
   * Where the stream is rewritten, it can come to the same length again, and only an epoch keeps a repetition out. So a
   * connection is cut that another one with a higher epoch is to follow, and of what it has sent that is repeated which
   * would fit.
   */
  async #becomeKeptOut(): Promise<readonly Repeatable[]> {
    const open = this.#openSourceLinks;
    if (open.length > 0) this.random.pick(open).cut();
    let keptOut: readonly Repeatable[] = [];
    for (let tries = 50; keptOut.length === 0 && tries > 0; tries--) {
      await this.pass(20);
      if (this.#isCalm || this.isOver) return [];
      keptOut = this.servers.flatMap((server) => this.#keptOut(server));
    }
    return keptOut;
  }

  /** What a server would take, were it not for the epochs of the connections that it was sent on. */
  #keptOut({ epoch: highest, source, totalEntries }: ServerMachine): readonly Repeatable[] {
    const links = this.sourceLinks.filter(({ port }) => port === source.port);
    const all = links.map((link) => new Sent(link));
    return all.flatMap((one, index) => {
      const sent = one.fittingTo(totalEntries);
      const isFollowed = all.slice(index + 1).some(({ epoch }) => {
        if (!highest || !epoch || !one.epoch) return false;
        if (epoch > highest || epoch < one.epoch) return false;
        // An epoch that was given stays on all connections of a program, one that was chosen is not to.
        return this.#epoch === undefined || epoch > one.epoch;
      });
      return sent && isFollowed ? [{ sent, port: source.port, server: one.link.server }] : [];
    });
  }

  /** Another source takes over, which the one before is not told; but where servers could fork, it is ended first. */
  async #takeOver(): Promise<void> {
    const source = this.#source;
    if (this.canFork) source.crash('kill');
    this.#source = source.succeed();
    this.superseded.push(source);
    await this.#startSource();
  }

  /** Starts the source's program; where servers can fork, not before they agree. */
  async #startSource(): Promise<void> {
    if (this.canFork) await this.#bringTogether();
    this.#source.start();
  }

  /**
   * Whoever runs the servers sees to it that none has another stream than the rest, which the number of its entries would not
   * always tell, nor has missed anything because it was left out; in the end, that none has less either. What source has ended
   * adds nothing meanwhile.
   */
  async #bringTogether(): Promise<void> {
    const { check, servers } = this;
    for (const link of this.#openSourceLinks) link.cut();
    const { lastAcknowledged, leftOutServers } = check;
    const best = servers
      .filter(({ durable }) => !leftOutServers.has(durable))
      .filter(({ durable: { entries } }) => lastAcknowledged.number < 0 || entries.has(lastAcknowledged))
      .reduce((one, other) => (other.durable.entries.length > one.durable.entries.length ? other : one));
    const { last } = best.durable.entries;
    check.continuesWith(last);
    for (const server of servers) {
      const own = server.durable.entries.last;
      const isOther = own !== last && (this.#isCalm || !(own.number < 0 || own.isIn(last)));
      if (!isOther && !leftOutServers.has(server.durable)) continue;
      await server.startWithCopyOf(best);
      check.takesPartAgain(server.durable);
    }
  }

  /** From now on nothing breaks any more, and what is down comes up. */
  async #calmDown(): Promise<void> {
    this.#isCalm = true;
    for (const server of this.servers) if (!server.isUp) await server.start();
    for (const relay of this.relays) if (!relay.isUp) relay.start();
    if (!this.#source.isUp) await this.#startSource();
  }

  /** Whether all is done, everybody has it, and no source runs on that another one has taken over from. */
  #isRight(): boolean {
    const { end } = this.check;
    return (
      end !== undefined &&
      [...this.servers, ...this.relays].every(({ totalEntries }) => totalEntries === end.streamEntries) &&
      // A relay can have another stream of this length, as long as it has not found out.
      this.relays.every((relay) => relay.holds(end)) &&
      this.followers.every(({ isDone }) => isDone) &&
      this.superseded.every(({ isUp }) => !isUp)
    );
  }
}
