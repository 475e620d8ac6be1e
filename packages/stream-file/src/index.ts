export type { IndexReport } from './bookmarks/bookmark-check.js';
export type { BookmarkStore } from './bookmarks/bookmark-index.js';
export type { Disk, DiskFile, ReadableDisk } from './disk/disk.js';
export { copyStreamFile, type CopyOptions } from './upkeep/copy.js';
export { StreamFileError, type StreamFileErrorCode } from './errors.js';
export type { CommitRecord, Extent } from './commits/header-page.js';
export type { Operation } from './journal/journal-format.js';
export type { Holder } from './opening/holder.js';
export { inspect, type Inspection } from './upkeep/inspection.js';
export type { FileState } from './disk/observed-file.js';
export type { Chunk, Loan } from './reading/reader.js';
export type { ProgressListener } from './opening/recovery.js';
export {
  cutDamaged,
  planRepair,
  rebuildIndex,
  repair,
  type RepairPlan,
  type RepairStep,
} from './upkeep/repair.js';
export { StreamFileReader, type StreamFileReaderOptions } from './reading/stream-file-reader.js';
export {
  StreamFile,
  type CommitListener,
  type StorageObserver,
  type StreamFileListener,
  type StreamFileOptions,
} from './stream-file.js';
export { verify, type StreamFileProblem, type VerifyOptions, type VerifyReport } from './upkeep/verify.js';
export type { Commit, Durability } from './commits/writer.js';
