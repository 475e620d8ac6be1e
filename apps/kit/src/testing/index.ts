/** What tests of apps share. */

export { optionsTable, readmeTable } from './options-table.js';
export { startProgram, type EndedProgram, type Program, type StartOptions } from './program.js';
export { temporaryFolder, type TemporaryFolder } from './temporary-folder.js';
