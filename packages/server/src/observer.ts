/**
 * What a server tells whoever counts: for metrics. Each name that is told comes from a small set, so that it can be a label.
 *
 * Calls come from the midst of serving: they must be quick and must not throw.
 */
import type { ConversationState } from '@ds/codec';

export type PeerKind = 'client' | 'source';

/**
 * Why a connection was not let in: there are too many in all, or from its address; file descriptors run out; its TLS
 * handshake failed, or was not done in time; no worker has room.
 */
export type RefusalReason = 'full' | 'address' | 'descriptors' | 'handshake' | 'workers';

/**
 * Why a connection has ended: the peer has ended it; it took nothing for too long; it was sent what was cut off the stream
 * then; the server closes; it was sent an error; the network or TLS failed.
 */
export type DisconnectReason = 'peer' | 'stalled' | 'truncated' | 'shutting-down' | 'rejected' | 'network';

export interface ServerObserver {
  accepted(kind: PeerKind): void;
  refused(kind: PeerKind, reason: RefusalReason): void;
  disconnected(kind: PeerKind, reason: DisconnectReason): void;
  /** A command or message was answered with an error; `code` as in `ResultCode`. */
  rejected(kind: PeerKind, code: number): void;
  /** Entries of the stream, so many bytes of them, were handed to a client's connection. */
  sent(bytes: number, entries: number): void;
}

const reasons: Readonly<Record<string, DisconnectReason>> = {
  peer: 'peer',
  stalled: 'stalled',
  truncated: 'truncated',
  'shutting down': 'shutting-down',
};

/** The short name of what a socket has ended with, `wasRejected` if an error was sent before. */
export function disconnectReason(reason: string, wasRejected: boolean): DisconnectReason {
  return reasons[reason] ?? (wasRejected ? 'rejected' : 'network');
}

/** A client as it is now. */
export interface ClientStatus {
  /** Address and port. */
  readonly peer: string;
  /** `closed`: it has been sent its last byte, and the connection is about to end. */
  readonly state: ConversationState;
  /** Bytes of the stream that it has not taken, those on their way counted; 0 unless it is streaming. */
  readonly lagBytes: number;
  /** Bytes handed to its socket that it has not taken. */
  readonly pendingBytes: number;
}
