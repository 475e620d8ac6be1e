/** What tests of apps share. */

export { deadDisk } from './dead-disk.js';
export { exampleLines, runExample, type ExampleLine } from './examples.js';
export { optionsTable, readmeTable } from './options-table.js';
export { startProgram, type EndedProgram, type Program, type StartOptions } from './program.js';
export { temporaryFolder, type TemporaryFolder } from './temporary-folder.js';
export { startOnTerminal, terminalAfter, whyNoTerminal } from './terminal.js';
