/** Reading what the documentation says, so that tests can hold it against the code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Text of a file, by its path from the repository's root, as all paths here. */
export function readDocument(path: string): string {
  return readFileSync(fromRoot(path), 'utf8');
}

export function exists(path: string): boolean {
  return existsSync(fromRoot(path));
}

/** Names of what is in a folder. */
export function listFolder(path: string): string[] {
  return readdirSync(fromRoot(path));
}

/** The first table below a heading: its rows, the head left out, as trimmed cells. */
export function tableUnder(document: string, heading: string): string[][] {
  const lines = section(document, heading).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines
    .slice(start, start + length)
    .slice(2)
    .map(cells);
}

/** The first block of code in a language below a heading; below the title if there is none given. */
export function codeUnder(document: string, language: string, heading?: string): string {
  const text = heading === undefined ? document : section(document, heading);
  const code = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(text)?.[1];
  if (code === undefined) throw new Error(`no ${language} code below ${heading ?? 'the title'}`);
  return code;
}

/** Content of a cell that is set as code. */
export function plain(cell: string): string {
  return cell.replaceAll('`', '');
}

function fromRoot(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
}

function section(document: string, heading: string): string {
  const at = document.indexOf(`\n${heading}\n`);
  if (at < 0) throw new Error(`the document has no heading "${heading}"`);
  return document.slice(at + heading.length + 2);
}

function cells(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
