// Goal: whatever bytes come, in whatever chunks, a session neither crashes nor hangs, answers as the protocol says, and holds
// no more than the one message that is not whole; and of a connection that is gone nothing is left.
// Method: five million conversations, right, damaged, cut off or nothing at all; a model that reads the whole input at once
// says what has to come. A failure prints the input. That this finds what is wrong, planted-bugs.test.ts says.
import { expect, it } from 'vitest';

import { effort } from '@ds/test-kit';
import { fuzz } from './fuzz/fuzz.js';

const CLIENT_INPUTS = 3_200_000 * effort;
const SOURCE_INPUTS = 1_800_000 * effort;
const timeoutMs = 300_000 * effort;
const options = { timeout: timeoutMs };

it('A client can send anything', options, async () => {
  const { found, ends } = await fuzz({ what: 'clients', count: CLIENT_INPUTS, timeoutMs });
  expect(found).toBeNull();
  expect(Object.keys(ends ?? {})).toEqual(['stopped', 'streaming', 'closed']);
  for (const times of Object.values(ends ?? {})) expect(times).toBeGreaterThan(CLIENT_INPUTS / 50);
});

it('A source can send anything', options, async () => {
  const { found, ends } = await fuzz({ what: 'sources', count: SOURCE_INPUTS, timeoutMs });
  expect(found).toBeNull();
  expect(Object.keys(ends ?? {})).toEqual(['new', 'open', 'operation', 'closed']);
  for (const times of Object.values(ends ?? {})) expect(times).toBeGreaterThan(SOURCE_INPUTS / 200);
});

it.each([
  ['commands and messages that were answered', 'long conversations'],
  ['what quiet peers have sent', 'quiet peers'],
  ['connections that are gone', 'passing peers'],
] as const)('No memory is held for %s', options, async (_what, what) => {
  expect((await fuzz({ what, timeoutMs })).found).toBeNull();
});
