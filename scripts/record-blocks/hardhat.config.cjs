/** The development node's chain: everything that would differ from run to run is pinned. */
const { senders } = require('./keys.cjs');

module.exports = {
  solidity: '0.8.28',
  networks: {
    hardhat: {
      hardfork: 'prague',
      chainId: 31337,
      initialDate: '2025-05-07T10:05:11Z',
      mining: { auto: false, interval: 0, mempool: { order: 'fifo' } },
      accounts: senders.map((privateKey) => ({ privateKey, balance: '10000000000000000000000' })),
    },
  },
};
