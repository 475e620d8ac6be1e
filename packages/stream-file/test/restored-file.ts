// A stream file that is put back from a backup, while what stands beside it is that of a later time.
import { addAll, compare } from './comparison.js';
import { Model, type Item } from './model.js';
import { SimulatedMachine } from './simulated-machine.js';

const path = '/data/stream.bin';
const pageBytes = 100;

/** Puts back a file of which an entry was updated since: its operation has not got the checksum of the later time. */
async function tryUpdatedFile(): Promise<void> {
  const machine = new SimulatedMachine();
  const [before, after] = [Uint8Array.of(1), Uint8Array.of(2)];
  const file = await machine.open({ pageBytes });
  file.startAtomicOp();
  addAll(file, [{ type: 1, data: before }]);
  await file.commitAtomicOp();
  await file.close();
  const backup = machine.content;
  const later = await machine.open({ pageBytes });
  await later.updateEntryData(0n, 1, after);
  await later.close();
  machine.disk.put(path, backup);
  const state = new Model(pageBytes).append([{ type: 1, data: before }]);
  await compare(await machine.open({ pageBytes }), machine, state);
}

/** Puts back a file whose stream was cut and written on to differently since: it is what it was, in every answer. */
export async function tryRestoredFile(): Promise<void> {
  const machine = new SimulatedMachine();
  const itemsOf = (byte: number): Item[] =>
    Array.from({ length: 20 }, (_, number) => ({
      type: 1,
      data: new Uint8Array(20 + (number % 7)).fill(byte),
    }));
  const write = async (byte: number, cut: boolean): Promise<void> => {
    const file = await machine.open({ pageBytes });
    if (cut) await file.truncateFile(0n);
    file.startAtomicOp();
    addAll(file, itemsOf(byte));
    await file.commitAtomicOp();
    await file.close();
  };
  await write(1, false);
  const backup = machine.content;
  await write(2, true);
  machine.disk.put(path, backup);
  await compare(await machine.open({ pageBytes }), machine, new Model(pageBytes).append(itemsOf(1)));
  await tryUpdatedFile();
}
