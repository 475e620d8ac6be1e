/** A command that was stopped has not done what it was asked for, and must not look as if it had. */

import type { Command } from '@ds/app-kit';
import { StreamToolError } from './errors.js';

/** The command, which rejects with `stopped` when a signal has ended it. */
export function finished(command: Command): Command {
  return {
    ...command,
    async main(options, context) {
      try {
        await command.main(options, context);
      } catch (cause) {
        if (!context.signal.aborted) throw cause;
        throw new StreamToolError('stopped', 'stopped before it was done', { cause });
      }
    },
  };
}
