/** What the command-line apps share: options, help, logging, exit codes, shutdown. */

export {
  defineApp,
  defineCommand,
  type App,
  type AppContext,
  type Command,
  type CommandApp,
  type Options,
  type Shape,
  type SingleApp,
} from './app.js';
export { openBytes } from './byte-input.js';
export {
  checkConnect,
  connectAccess,
  connectOptions,
  type ConnectAccess,
  type ConnectGiven,
} from './connect-options.js';
export { describeError, InputError, UsageError, type UsageErrorCode } from './errors.js';
export { field, type FieldForm, type LogLevel, type Range } from './field.js';
export type { OptionMeta } from './field-info.js';
export { readLine, readLines, type Line } from './lines.js';
export { createLogger, type LogStream } from './logger.js';
export { operationLine, readOperation, type Operation, type OperationEntry } from './operation-json.js';
export { packageVersion } from './package-version.js';
export { parseApp, type AppInput, type Invocation } from './parse-app.js';
export { readToken, type TokenPlaces } from './read-token.js';
export { runApp } from './run-app.js';
export { StuckError, withinTime } from './stuck.js';
export {
  formatAddress,
  formatDurationMs,
  formatHex,
  formatSizeBytes,
  parseAddress,
  parseHex,
  type Address,
} from './text-forms.js';
export type { Logger } from 'pino';
