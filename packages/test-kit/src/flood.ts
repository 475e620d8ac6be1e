/** What a hostile peer does: sends as much as the other side takes. */
import type { Writable } from 'node:stream';

/** Enough to be seen where it is held, and not so much that it does harm. */
const BYTES_MAX = 256 << 20;

/** Sends piece after piece, as long as the other side takes them and is there. `nth` counts pieces from 0. */
export function flood(socket: Writable, piece: (nth: number) => Uint8Array): void {
  let sent = 0;
  let nth = 0;
  const send = (): void => {
    while (sent < BYTES_MAX && !socket.destroyed) {
      const bytes = piece(nth++);
      sent += bytes.length;
      if (!socket.write(bytes)) return;
    }
  };
  socket.on('drain', send);
  send();
}

/** Sends bytes one piece at a time, with a pause before each. */
export function drip(socket: Writable, bytes: Uint8Array, pieceBytes = 1, pauseMs = 20): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < bytes.length && !socket.destroyed) socket.write(bytes.subarray(sent, (sent += pieceBytes)));
    else clearInterval(timer);
  }, pauseMs);
}

/** Many times as long as anybody waits for an answer. */
const LATE_MS = 30_000;

/** Sends bytes when nobody waits for them any more. */
export function sendLate(socket: Writable, bytes: Uint8Array): void {
  const timer = setTimeout(() => socket.write(bytes), LATE_MS);
  socket.once('close', () => {
    clearTimeout(timer);
  });
}
