// Goal: a line on a real terminal that says how far a source is, nothing in a pipe, and a clean terminal when it is interrupted.
// Method: a terminal by `script`.
import { describe, expect, it } from 'vitest';
import {
  startOnTerminal,
  temporaryFolder,
  terminalAfter,
  whyNoTerminal,
  type Program,
} from '@ds/app-kit/testing';
import { sourcePath, startServer, startSource } from './support/programs.js';

const line = '{"entries":[{"type":1,"data":"0x01"}]}\n';
const shown = /1 operations, 1 entries, \d+ entries\/s/;
const reason = whyNoTerminal();

describe.skipIf(reason !== undefined)(
  `On a terminal${reason === undefined ? '' : ` (skipped: ${reason})`}, ds-source`,
  () => {
    it('shows how far it is, and leaves the terminal clean when it is interrupted', async () => {
      await using folder = await temporaryFolder();
      await using server = await startServer(folder);
      await using source: Program = startOnTerminal(`${sourcePath} --server ${server.source} --ops -`);
      source.child.stdin.write(line);
      await source.writes('out', shown);
      // As Ctrl-C is typed.
      source.child.stdin.write('\u0003');
      const { status, out } = await source.ended();
      expect(status).toBe(0);
      const { lines, ...state } = terminalAfter(out);
      expect(state).toEqual({ isCursorVisible: true, wraps: true });
      expect(lines.slice(-3)).toEqual([
        expect.stringMatching(new RegExp(`^${shown.source}$`)),
        expect.stringMatching(/^\{"operations":1,.*\}$/),
        '',
      ]);
      expect(lines.filter((each) => shown.test(each))).toHaveLength(1);
    });
  },
);

it('In a pipe, ds-source shows nothing', async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer(folder);
  await using source = startSource(['--server', server.source, '--ops', '-']);
  source.child.stdin.write(line);
  // Longer than a line on a terminal would take to come.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { err } = await source.stop('SIGINT');
  expect(err).toBe('');
});
