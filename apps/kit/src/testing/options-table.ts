/** The table of options in an app's README, as its schema would have it: a test holds one against the other. */

import { flagName, type Shape } from '../app.js';
import { fieldInfo } from '../field-info.js';

/**
 * One row an option, in the order of the shape: how it is written, its default, what it does.
 * Cells are Markdown, without the padding.
 */
export function optionsTable(shape: Shape): string[][] {
  return Object.entries(shape)
    .map(([key, schema]) => ({ key, info: fieldInfo(schema) }))
    .filter(({ info }) => info.hidden !== true)
    .map(({ key, info }) => {
      const { positional, traits, placeholder = 'value', isRequired, defaultText, description = '' } = info;
      const flag = `--${flagName(key)}`;
      const named = traits.isFlag === true ? flag : `${flag} <${placeholder}>`;
      const written = positional === true ? `<${flagName(key)}>` : named;
      const fallback = defaultText === undefined ? '' : `\`${defaultText}\``;
      return [`\`${escapeBars(written)}\``, isRequired ? 'required' : fallback, escapeBars(description)];
    });
}

/** The first table below a heading: its rows, the head left out. */
export function readmeTable(markdown: string, heading: string): string[][] {
  const lines = markdown.split('\n');
  const headingAt = lines.indexOf(heading);
  if (headingAt < 0) throw new Error(`there is no heading "${heading}"`);
  const start = lines.findIndex((line, index) => index > headingAt && line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function escapeBars(text: string): string {
  return text.replaceAll('|', '\\|');
}
