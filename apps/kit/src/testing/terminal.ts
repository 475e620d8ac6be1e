/** An app on a terminal: `script` of util-linux makes one, and passes on what is typed and what is shown. */

/* eslint-disable no-control-regex -- the escape character begins what a terminal is told */

import { spawnSync } from 'node:child_process';
import { startProgram, type Program } from './program.js';

/** Why there can be no terminal here; undefined if there can. */
export function whyNoTerminal(): string | undefined {
  const { error, stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return !error && stdout.includes('util-linux') ? undefined : 'it needs script of util-linux';
}

/**
 * Starts a program as the shell would, with its arguments and redirections, on a terminal of its own. What that shows is what
 * the program returned writes on stdout; what is written to its stdin is typed.
 */
export function startOnTerminal(command: string): Program {
  return startProgram('script', ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null']);
}

/** What a terminal is like in the end. */
interface Terminal {
  readonly isCursorVisible: boolean;
  /** Whether long lines go on in the next one. */
  readonly wraps: boolean;
  /** What is to be seen, each line as long as may be. */
  readonly lines: readonly string[];
}

/** A terminal that all this was shown on. */
export function terminalAfter(shown: string): Terminal {
  const isOn = (mode: number): boolean =>
    shown.lastIndexOf(`\u001b[?${mode}l`) <= shown.lastIndexOf(`\u001b[?${mode}h`);
  return { isCursorVisible: isOn(25), wraps: isOn(7), lines: shown.split('\n').map(lineAfter) };
}

/** What stands on a line once all this was written there. */
function lineAfter(written: string): string {
  let line = '';
  let column = 0;
  for (const [part] of written.matchAll(/\u001b\[[?\d;]*[A-Za-z]|\u001b[78]|./gs)) {
    const toColumn = /^\u001b\[(\d*)G$/.exec(part)?.[1];
    if (part === '\r') column = 0;
    else if (toColumn !== undefined) column = Number(toColumn) - 1;
    else if (/^\u001b\[0?K$/.test(part)) line = line.slice(0, column);
    else if (part === '\u001b[2K') line = '';
    else if (part.length === 1) {
      line = line.padEnd(column).slice(0, column) + part + line.slice(column + 1);
      column++;
    }
  }
  return line;
}
