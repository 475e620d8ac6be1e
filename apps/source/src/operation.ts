/** What all inputs are made into: operations for a source to send. */

import type { Operation } from '@ds/app-kit';

/** An operation that was read from an input. */
export interface SourcedOperation extends Operation {
  /** Where it comes from, for messages: `line 17`. */
  readonly origin: string;
}
