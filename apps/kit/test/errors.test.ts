/** Goal: whatever is thrown, one readable line comes of it, with its causes and without saying anything twice. */

import { createSecureContext } from 'node:tls';
import { expect, it } from 'vitest';
import { describeError } from '../src/index.js';

const refused = new Error('connect ECONNREFUSED 127.0.0.1:6900');

it.each<[string, unknown, string]>([
  ['an error', new Error('no'), 'no'],
  [
    'a chain',
    new Error('sync failed', { cause: new Error('fsync', { cause: new Error('EIO') }) }),
    'sync failed: fsync: EIO',
  ],
  [
    'an error of OpenSSL, whose own message names a line of its source',
    new Error('no TLS', { cause: opensslError() }),
    'no TLS: no start line',
  ],
  [
    'a cause that is said already',
    new Error('sync failed: EIO', { cause: new Error('EIO') }),
    'sync failed: EIO',
  ],
  ['an aggregate without a message', new AggregateError([refused, refused]), refused.message],
  ['a message of several lines', new Error('one\n  two\r\nthree'), 'one two three'],
  ['an error without a message', new RangeError(), 'RangeError'],
  ['a string', 'no', 'no'],
  ['an object', { status: 500 }, '{ status: 500 }'],
  ['nothing', undefined, 'failed without a message'],
])('%s', (_what, thrown, line) => {
  expect(describeError(thrown)).toBe(line);
});

it('a chain that bites its tail ends', () => {
  const error = new Error('ouroboros');
  error.cause = error;
  expect(describeError(error)).toBe('ouroboros');
});

/** What a certificate causes that is none. */
function opensslError(): unknown {
  try {
    return createSecureContext({ cert: 'no certificate' });
  } catch (error) {
    return error;
  }
}
