/**
 * The lock that the Go reference takes on a bookmark folder. Its LevelDB takes it with `flock`, the one used here with
 * `fcntl`, and neither kind of lock is in the way of the other. Linux lists both.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether somebody has the folder open who locks it as the reference does; false where that cannot be seen. */
export async function isLockedAsByReference(folder: string): Promise<boolean> {
  try {
    const { dev, ino } = await stat(join(folder, 'LOCK'), { bigint: true });
    const file = `${hex(majorOf(dev))}:${hex(minorOf(dev))}:${ino}`;
    const locks = await readFile('/proc/locks', 'latin1');
    return locks.split('\n').some((lock) => {
      const fields = lock.split(/\s+/);
      return fields.includes('FLOCK') && fields.includes(file);
    });
  } catch {
    // No folder yet, or not Linux.
    return false;
  }
}

// Linux' way of packing a device's two numbers into one.
function majorOf(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xffff_f000n);
}

function minorOf(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
}

function hex(number: bigint): string {
  return number.toString(16).padStart(2, '0');
}
