export { BlockError, type BlockErrorCode, type BlockErrorPlace } from './block-error.js';
export { blockToEntries } from './block-to-entries.js';
