// Goal: an opening that fails leaves nothing open, whatever has failed, and the next one succeeds.
// Method: each call to the disk that an opening makes fails once.
import { describe, expect, it } from 'vitest';
import { bytes, commit } from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

const PATH = '/data/stream.bin';
const options = { pageBytes: 128 };

/** A stream that was killed in the middle of an update: its opening has everything to do that there is. */
async function interrupted(): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine();
  const file = await machine.open(options);
  for (let n = 0; n < 5; n++) await commit(file, 'key', [1, bytes('aa'.repeat(40))]);
  let killed: SimulatedMachine | undefined;
  machine.onChange = () => {
    if (machine.disk.contentOf(`${PATH}.update`)) killed ??= machine.afterKill();
  };
  await file.updateEntryData(1n, 1, bytes('bb'.repeat(40)));
  if (!killed) throw new Error('the update was not written down');
  return killed;
}

describe('An opening of which a call to the disk fails', () => {
  it.each(['EIO', 'ENOSPC'] as const)('with %s leaves nothing open', async (code) => {
    const machine = await interrupted();
    let failed = 0;
    for (let nth = 0, isThrough = false; !isThrough; nth++) {
      const left = machine.afterKill();
      let calls = 0;
      left.disk.fault = ({ kind }) => (calls++ === nth && kind !== 'close' ? { code } : undefined);
      const file = await left.open(options).catch(() => undefined);
      isThrough = calls <= nth;
      if (file) {
        await file.close().catch(() => undefined);
      } else {
        failed++;
        left.disk.fault = undefined;
        expect(left.disk.openPaths, `call ${nth} has failed`).toEqual([]);
        await (await left.open(options)).close();
      }
      expect(left.disk.openPaths, `after call ${nth}`).toEqual([]);
    }
    expect(failed).toBeGreaterThan(10);
  });
});
