// Goal: what a power cut must not bring about in cases that a random history (crash-points.test.ts) meets seldom or never.
// Method: each is made on a simulated disk, which is cut at the moments that matter.
import { expect, it } from 'vitest';
import { hex } from './bytes.js';
import { keys } from './model.js';
import { rounds } from './random.js';
import { keepSome, SimulatedMachine } from './simulated-machine.js';

it('a bookmark that was cut off does not come back after two power cuts, the index losing all it may', async () => {
  const options = { pageBytes: 100 };
  const loseIndex = (machine: SimulatedMachine): SimulatedMachine =>
    new SimulatedMachine(
      machine.disk.afterPowerCut(() => true),
      machine.bookmarks.afterPowerCut(() => false),
    );
  const [kept, gone] = [keys[0]!, keys[1]!];
  const written = new SimulatedMachine();
  const first = await written.open(options);
  first.startAtomicOp();
  for (const key of [kept, gone, gone, gone]) first.addStreamBookmark(key);
  await first.commitAtomicOp();
  await first.close();

  const machine = written.afterPowerCut(() => true);
  const file = await machine.open(options);
  const cuts: SimulatedMachine[] = [];
  machine.onChange = () => cuts.push(loseIndex(machine));
  await file.truncateFile(1n);
  expect(cuts.length).toBeGreaterThan(3);
  for (const cut of cuts) {
    const recovered = await cut.open(options);
    const isCut = recovered.header.totalEntries === 1n;
    recovered.startAtomicOp();
    for (let i = 0; i < 9; i++) recovered.addStreamEntry(1, new Uint8Array(0));
    await recovered.commitAtomicOp();
    const again = await loseIndex(cut).open(options);
    expect(again.header.totalEntries).toBe(isCut ? 10n : 13n);
    expect(again.getBookmark(kept)).toBe(0n);
    expect(again.getBookmark(gone)).toBe(isCut ? undefined : 3n);
  }
});

it('an update that is done is not done again to an entry that has taken its place', async () => {
  const options = { pageBytes: 100 };
  const machine = new SimulatedMachine();
  const file = await machine.open(options);
  const commitEntry = async (byte: number): Promise<void> => {
    file.startAtomicOp();
    file.addStreamEntry(1, Uint8Array.of(byte));
    await file.commitAtomicOp();
  };
  await commitEntry(1);
  await file.updateEntryData(0n, 1, Uint8Array.of(2));
  await file.truncateFile(0n);
  await commitEntry(3);
  const recovered = await machine.afterPowerCut(() => false).open(options);
  expect((await recovered.getEntry(0n))?.data).toEqual(Uint8Array.of(3));
});

it('an update of an entry that spans sectors is there whole or not at all', async () => {
  await rounds(1, 'crash.test.ts', async (random) => {
    const options = { pageBytes: 4096 };
    const machine = new SimulatedMachine();
    const file = await machine.open(options);
    const [before, after] = [random.bytes(2000), random.bytes(2000)];
    file.startAtomicOp();
    file.addStreamEntry(1, before);
    await file.commitAtomicOp();
    const cuts: SimulatedMachine[] = [];
    machine.onChange = () => {
      for (let i = 0; i < 20; i++) cuts.push(machine.afterPowerCut(keepSome(random)));
    };
    await file.updateEntryData(0n, 1, after);
    for (const cut of cuts) {
      const found = await (await cut.open(options)).getEntry(0n);
      expect([hex(before), hex(after)]).toContain(hex(found?.data));
    }
    return undefined;
  });
});

it('a file is there for good once it was opened, at whatever point a kill had cut its creation short', async () => {
  const machine = new SimulatedMachine();
  const killed: SimulatedMachine[] = [];
  machine.onChange = () => killed.push(machine.afterKill());
  await machine.open({ pageBytes: 256 });
  expect(killed.length).toBeGreaterThan(3);
  for (const [point, next] of killed.entries()) {
    const file = await next.open({ pageBytes: 256 });
    file.startAtomicOp();
    file.addStreamEntry(1, Uint8Array.of(1));
    await file.commitAtomicOp();
    const found = await next.afterPowerCut(() => false).open({ pageBytes: 256 });
    expect(found.header.totalEntries, `after change ${point}`).toBe(1n);
  }
});
