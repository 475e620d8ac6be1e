/** What a worker tells of its clients, added up, and told in the main process as if it had happened there. */
import type { ServerObserver } from '../observer.js';

type EventName = Exclude<keyof ServerObserver, 'sent'>;

/** Names and arguments of calls, how often each was made, and what was sent by all together. */
export interface CountedEvents {
  readonly calls: readonly (readonly [name: EventName, args: readonly unknown[], count: number])[];
  readonly sentBytes: number;
  readonly sentEntries: number;
}

export class EventCounter implements ServerObserver {
  readonly #calls = new Map<string, number>();
  #sentBytes = 0;
  #sentEntries = 0;

  accepted(...args: Parameters<ServerObserver['accepted']>): void {
    this.#count('accepted', args);
  }

  refused(...args: Parameters<ServerObserver['refused']>): void {
    this.#count('refused', args);
  }

  disconnected(...args: Parameters<ServerObserver['disconnected']>): void {
    this.#count('disconnected', args);
  }

  rejected(...args: Parameters<ServerObserver['rejected']>): void {
    this.#count('rejected', args);
  }

  sent(bytes: number, entries: number): void {
    this.#sentBytes += bytes;
    this.#sentEntries += entries;
  }

  /** What has happened since the last call. */
  take(): CountedEvents {
    const calls = Array.from(this.#calls, ([call, count]) => {
      const [name, ...args] = JSON.parse(call) as [EventName, ...unknown[]];
      return [name, args, count] as const;
    });
    const events = { calls, sentBytes: this.#sentBytes, sentEntries: this.#sentEntries };
    this.#calls.clear();
    this.#sentBytes = 0;
    this.#sentEntries = 0;
    return events;
  }

  /** The names are few, so this stays small however long it is not asked for. */
  #count(name: EventName, args: readonly unknown[]): void {
    const call = JSON.stringify([name, ...args]);
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
  }
}

/** Tells an observer what was counted elsewhere. */
export function replay({ calls, sentBytes, sentEntries }: CountedEvents, observer: ServerObserver): void {
  for (const [name, args, count] of calls) {
    const call = observer[name].bind(observer) as (...args: readonly unknown[]) => void;
    for (let nth = 0; nth < count; nth++) call(...args);
  }
  if (sentBytes > 0) observer.sent(sentBytes, sentEntries);
}
