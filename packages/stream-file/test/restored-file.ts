// A stream file that is put back from a backup, while what stands beside it is that of a later time.
import { addAll, compare } from './comparison.js';
import { Model, type Item } from './model.js';
import { SimulatedMachine } from './simulated-machine.js';

const path = '/data/stream.bin';
const pageBytes = 100;

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
}
