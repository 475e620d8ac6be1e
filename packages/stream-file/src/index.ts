export type { BookmarkStore } from './bookmark-index.js';
export type { Disk, DiskFile } from './disk.js';
export { StreamFileError, type StreamFileErrorCode } from './errors.js';
export type { Chunk } from './reader.js';
export type { ProgressListener } from './recovery.js';
export { StreamFile, type StreamFileListener, type StreamFileOptions } from './stream-file.js';
export type { Commit, Durability } from './writer.js';
