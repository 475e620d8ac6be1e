// Goal: what a caller hands over is copied, so its buffers can be used again at once. They are Buffers here, as programs
// have them: the `slice` of a Buffer is a view, unlike that of other byte arrays.
import { describe, expect, it } from 'vitest';
import { entryBatch } from '@ds/codec';
import { ascii, entryBytes } from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

describe('a caller can use its buffer again', () => {
  it('for a bookmark and an entry, before the commit', async () => {
    const file = await new SimulatedMachine().open();
    const buffer = Buffer.from('first key');
    file.startAtomicOp();
    file.addStreamBookmark(buffer);
    file.addStreamEntry(1, buffer);
    buffer.fill('x');
    await file.commitAtomicOp();
    expect(file.getBookmark(ascii('first key'))).toBe(0n);
    expect(file.getBookmark(ascii('xxxxxxxxx'))).toBeUndefined();
    expect((await file.getEntry(1n))?.data).toEqual(ascii('first key'));
  });

  it('for a batch, before the commit', async () => {
    const file = await new SimulatedMachine().open();
    const buffer = Buffer.from(entryBytes(0xb0, 0, ascii('key')));
    file.startAtomicOp();
    file.addStreamBatch(entryBatch(buffer));
    buffer.fill(0xee);
    await file.commitAtomicOp();
    expect(file.getBookmark(ascii('key'))).toBe(0n);
    expect((await file.getEntry(0n))?.data).toEqual(ascii('key'));
  });
});
