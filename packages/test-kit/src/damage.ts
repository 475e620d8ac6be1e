import { open } from 'node:fs/promises';

/**
 * Changes bytes of a file behind everybody's back. A single byte always changes: one that already stands there (a
 * byte of a random number or of a checksum may) is inverted instead.
 */
export async function overwrite(path: string, at: number, ...bytes: number[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const wanted = Uint8Array.from(bytes);
    if (wanted.length === 1) {
      const before = new Uint8Array(1);
      await file.read(before, 0, 1, at);
      if (before[0] === wanted[0]) wanted[0]! ^= 0xff;
    }
    await file.write(wanted, 0, wanted.length, at);
  } finally {
    await file.close();
  }
}
