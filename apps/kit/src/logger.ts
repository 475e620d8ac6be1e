/**
 * Logs for whoever reads them: lines with colour on a terminal, one JSON object a line for a collector.
 * Lines go straight to the stream, so that none is lost when the process ends.
 */

import { pino, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLevel } from './field.js';

/** Where log lines go: a writable, or a terminal. */
export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A line takes the place of whatever stands on the cursor's: of progress that is being shown, and of a ^C. */
const CLEAR_LINE = '\r\u001b[K';

/** Makes an app's logger; pretty when the stream is a terminal. */
export function createLogger(name: string, level: LogLevel, stream: LogStream): Logger {
  const render = stream.isTTY === true ? prettyRenderer() : (line: string) => line;
  const options = {
    base: { name, pid: process.pid },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line) => void stream.write(render(line)) });
}

function prettyRenderer(): (line: string) => string {
  const colorize = !process.env['NO_COLOR'];
  const pretty = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,name',
    singleLine: true,
  });
  return (line) => CLEAR_LINE + pretty(line);
}
