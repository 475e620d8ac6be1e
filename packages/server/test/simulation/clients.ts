// What clients do in a history: everything that they may, and some things that they may not, at any moment.
import { type ClientCommand } from '@ds/codec';

import { keys } from '../../../stream-file/test/model.js';
import type { TestClient } from './test-client.js';
import type { World } from './world.js';

/** Time in which a server that has no reason to wait sends everything there is. */
const LIVELY_MS = 60_000;

/** Lives of one client, one connection after the other, until the world is calm; then it must get everything. */
export async function liveClient(world: World): Promise<void> {
  const { random } = world;
  let from = 0;
  for (;;) {
    await world.pass(random.next() * 100);
    const client = world.connect();
    if (!(await client.connected())) {
      if (world.isCalm) throw new Error('a client could not connect');
      continue;
    }
    while (!client.ended && !world.isCalm) await act(world, client, from);
    if (!client.ended && (await seeEverything(world, client))) return;
    from = client.streaming?.next ?? from;
    client.socket.destroy();
  }
}

/** One thing that a client does, and what it waits for then. */
async function act(world: World, client: TestClient, from: number): Promise<void> {
  const { random } = world;
  const choice = random.next();
  if (choice < 0.1) {
    leave(world, client);
  } else if (choice < 0.2) {
    client.socket.link.stall(random.next() * 300);
  } else if (choice < 0.3) {
    client.socket.pause();
    await world.pass(random.next() * (random.chance(0.05) ? 10_000 : 400));
    client.socket.resume();
  } else if (client.streaming) {
    if (choice < 0.5) {
      client.send({ kind: 'stop' });
      if (random.chance(0.5)) client.send(anyCommand(world, from));
      await client.until(() => client.isAnswered);
    } else if (choice < 0.53) {
      client.send(random.pick<ClientCommand>([{ kind: 'header' }, { kind: 'start', fromEntry: 0n }]));
    } else {
      await world.pass(random.next() * 200);
    }
  } else {
    const count = random.chance(0.2) ? random.integer(2, 4) : 1;
    for (let nth = 0; nth < count; nth++) client.send(anyCommand(world, from));
    if (random.chance(0.8)) await client.until(() => client.isAnswered);
  }
  await world.pass(random.next() * 30);
}

function anyCommand({ random, truth }: World, from: number): ClientCommand {
  const { entries } = truth.now;
  const entry = random.pick([0, from, from, entries, entries + 1, random.integer(0, entries)]);
  const choice = random.next();
  if (choice < 0.45) return { kind: 'start', fromEntry: BigInt(entry) };
  if (choice < 0.6) return { kind: 'startBookmark', bookmark: random.pick(keys) };
  if (choice < 0.7) return { kind: 'header' };
  if (choice < 0.85) return { kind: 'entry', entryNumber: BigInt(entry) };
  if (choice < 0.98) return { kind: 'bookmark', bookmark: random.pick(keys) };
  return { kind: 'stop' };
}

function leave({ random }: World, { socket }: TestClient): void {
  switch (random.integer(0, 3)) {
    case 0:
      socket.end();
      break;
    case 1:
      socket.link.cut();
      break;
    case 2:
      socket.link.vanish();
      socket.destroy();
      break;
    default:
      socket.destroy();
  }
}

/** Now that all is well, a client that streams gets all that there is, and others start and then do. False if it must connect anew. */
async function seeEverything({ truth }: World, client: TestClient): Promise<boolean> {
  client.socket.resume();
  const expect = async (condition: () => boolean, what: () => string): Promise<void> => {
    if ((await client.until(condition, LIVELY_MS)) || client.ended) return;
    throw new Error(`${what()} in ${LIVELY_MS} ms, though nothing stands in the way`);
  };
  await expect(
    () => client.isAnswered,
    () => 'no answer came',
  );
  if (!client.ended && !client.streaming) {
    client.send({ kind: 'start', fromEntry: 0n });
    await expect(
      () => client.isAnswered,
      () => 'no answer to a Start came',
    );
  }
  const check = client.streaming;
  await expect(
    () => check === undefined || (check.next === truth.now.entries && check.isCurrent),
    () =>
      check?.isCurrent === false
        ? 'a client that was sent what has been cut off was not disconnected'
        : `entry ${check?.next ?? 'of a bookmark'} did not come`,
  );
  return !client.ended && check !== undefined;
}
