/** Names of the files that belong to a stream file. */

/** The bookmark index: `NAME.db` for `NAME.bin`, the last extension of the file's name being replaced. */
export function bookmarkPath(path: string): string {
  return `${path.replace(/(?<=[^/\\])\.[^./\\]*$/, '')}.db`;
}

/** Who has the bookmark index open, and so the stream file. */
export function holderPath(path: string): string {
  return `${bookmarkPath(path)}.holder`;
}

/** The one entry that is being overwritten. */
export function updatePath(path: string): string {
  return `${path}.update`;
}

/** Where operations end, and when they were committed. */
export function journalPath(path: string): string {
  return `${path}.journal`;
}

/** What is to get the name `path`, as long as it is not whole. */
export function unfinishedPath(path: string): string {
  return `${path}.new`;
}

/** What each full page holds. */
export function directoryPath(path: string): string {
  return `${path}.pages`;
}
