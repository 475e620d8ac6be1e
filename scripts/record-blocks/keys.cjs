/** Private keys made from a fixed text, so that every run signs the same. They guard nothing. */
const { createHash } = require('node:crypto');

const keys = (role, count) =>
  Array.from(
    { length: count },
    (_, index) => `0x${createHash('sha256').update(`record-blocks ${role} ${index}`).digest('hex')}`,
  );

module.exports = {
  /** Accounts that hold ether and send transactions. */
  senders: keys('sender', 16),
  /** Accounts that only sign EIP-7702 authorizations. */
  authorities: keys('authority', 8),
};
