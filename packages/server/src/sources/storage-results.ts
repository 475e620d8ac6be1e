/** What a failure of the storage is called towards a source. */
import { result, ResultCode, type Result } from '@ds/codec';
import { StreamFileError, type StreamFileErrorCode } from '@ds/stream-file';

const codes: Partial<Record<StreamFileErrorCode, number>> = {
  'bad-bookmark': ResultCode.badBookmark,
  'bad-entry': ResultCode.badEntryType,
  'disk-full': ResultCode.diskFull,
  'entry-not-found': ResultCode.entryNotFound,
  'no-operation': ResultCode.noOperation,
  'operation-open': ResultCode.operationOpen,
  'update-mismatch': ResultCode.updateMismatch,
};

export function storageResult(error: unknown): Result {
  if (!(error instanceof StreamFileError)) throw error;
  return result(codes[error.code] ?? ResultCode.storageFailed, error.message);
}
