/** The contracts that the recorded chain runs, assembled by hand: no compiler is needed. */

const pad = (value) => value.replace(/^0x/, '').padStart(64, '0');

/** keccak-256 of `Transfer(address,address,uint256)`. */
const transferTopic = 'ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/**
 * Whatever it is called with, it does what an ERC-20 `transfer(address to, uint256 amount)` does to balances and
 * logs; a balance lives in the slot of its owner's address and may wrap below zero.
 */
const tokenRuntime = [
  '602435 600435', // amount, then `to` on top
  '80 54 82 01 81 55', // balance[to] += amount
  '81 33 54 03 33 55', // balance[caller] -= amount
  '81 600052', // memory[0..32) = amount
  `33 7f${transferTopic} 6020 6000 a3`, // log Transfer(caller, to, amount)
  '6001600052 60206000f3', // return true
].join('');

/** Returns one word; `salt` makes each deployment's code its own. */
const constantRuntime = (salt) => `7f${pad(salt)} 600052 60206000f3`;

/** Init code that copies the runtime behind itself into memory and returns it. */
function initCode(runtime) {
  const code = runtime.replaceAll(' ', '');
  const length = (code.length / 2).toString(16).padStart(2, '0');
  return `0x60${length}80600b6000396000f3${code}`;
}

/** Data of the transaction that deploys the token. */
export const tokenDeployment = initCode(tokenRuntime);

/** Data of a transaction that deploys a contract which returns `salt`. */
export const constantDeployment = (salt) => initCode(constantRuntime(salt));

/** Call data of `transfer(to, amount)`. */
export const tokenTransfer = (to, amount) => `0xa9059cbb${pad(to)}${pad(amount.toString(16))}`;
