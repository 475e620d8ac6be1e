/** What the recorded chain does: seeded, signed transactions of every type, and how many stand in each block. */
import { createRequire } from 'node:module';
import { getContractAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { makeBlob } from './blobs.mjs';
import { constantDeployment, tokenDeployment, tokenTransfer } from './contracts.mjs';
import { seededRandom } from './random.mjs';

const keys = createRequire(import.meta.url)('./keys.cjs');

const chainId = 31337;
const gwei = 10n ** 9n;

/** Gas that covers the intrinsic cost of any data (EIP-7623: 40 a byte at most) plus execution. */
const gasFor = (data, execution) => 21_000n + 40n * BigInt((data.length - 2) / 2) + execution;

/** A maker of signed raw transactions; it keeps each account's nonce. */
export function createWorkload(seed) {
  const random = seededRandom(seed);
  const tracked = (key) => ({ account: privateKeyToAccount(key), nonce: 0 });
  const senders = keys.senders.map(tracked);
  const authorities = keys.authorities.map(tracked);
  const strangers = Array.from({ length: 40 }, () => random.hex(20));
  const blobs = ['a short note', 'carried beside', 'the chain, not in it'].map(makeBlob);
  const token = getContractAddress({ from: senders[0].account.address, nonce: 0n });

  const transfer = () => ({
    to: random.pick(strangers),
    value: BigInt(random.between(0, 1_000_000)) * gwei,
    gas: 21_000n,
  });
  const callToken = () => {
    const data = tokenTransfer(random.pick(strangers), BigInt(random.between(1, 2 ** 31)));
    return { to: token, data, gas: gasFor(data, 60_000n) };
  };
  const deploy = () => {
    const data = constantDeployment(random.hex(32));
    return { data, gas: gasFor(data, 100_000n) };
  };
  const postData = () => {
    const data = `0x${random.hex(random.between(16, 64)).slice(2).repeat(random.between(16, 400))}`;
    return { to: random.pick(strangers), data, gas: gasFor(data, 0n) };
  };
  const anyAction = () =>
    random.weighted([
      [40, transfer],
      [45, callToken],
      [6, deploy],
      [4, postData],
    ])();

  const legacy = () => ({ type: 'legacy', chainId, gasPrice: BigInt(random.between(20, 90)) * gwei });
  const unprotected = () => ({ type: 'legacy', gasPrice: BigInt(random.between(20, 90)) * gwei });
  const accessList = () => ({
    type: 'eip2930',
    chainId,
    gasPrice: BigInt(random.between(20, 90)) * gwei,
    accessList: Array.from({ length: random.below(3) }, () => ({
      address: random.pick([token, ...strangers]),
      storageKeys: Array.from({ length: random.below(3) }, () => random.hex(32)),
    })),
  });
  const dynamicFee = () => ({
    type: 'eip1559',
    chainId,
    maxFeePerGas: BigInt(random.between(30, 90)) * gwei,
    maxPriorityFeePerGas: BigInt(random.between(0, 3)) * gwei,
  });
  const setCode = async () => ({
    ...dynamicFee(),
    type: 'eip7702',
    authorizationList: await Promise.all(
      Array.from({ length: random.between(1, 3) }, async () => {
        const authority = random.pick(authorities);
        const nonce = authority.nonce++;
        return authority.account.signAuthorization({
          address: token,
          chainId: random.pick([0, chainId]),
          nonce,
        });
      }),
    ),
  });
  const anyEnvelope = () =>
    random.weighted([
      [25, legacy],
      [12, unprotected],
      [13, accessList],
      [42, dynamicFee],
      [8, setCode],
    ]);

  const sign = ({ account, nonce }, fields) => account.signTransaction({ ...fields, nonce });
  const sendFrom = (sender, fields) => {
    const raw = sign(sender, fields);
    sender.nonce += 1;
    return raw;
  };

  return {
    random,

    /** The first transaction of the chain: it puts the token where the others expect it. */
    deployToken: () =>
      sendFrom(senders[0], { ...legacy(), data: tokenDeployment, gas: gasFor(tokenDeployment, 100_000n) }),

    /** A transaction of any kind but the blob kind. */
    transaction: async () => {
      const makeEnvelope = anyEnvelope();
      // A set-code transaction must have a recipient, so it never deploys.
      const action = makeEnvelope === setCode ? callToken() : anyAction();
      const envelope = await makeEnvelope();
      const extraGas = 30_000n * BigInt(envelope.authorizationList?.length ?? 0) + 15_000n;
      const gas = envelope.type === 'legacy' ? action.gas : action.gas + extraGas;
      return sendFrom(random.pick(senders), { ...envelope, ...action, gas });
    },

    /** A transaction that carries one or two blobs. */
    blobTransaction: () => {
      const carried = Array.from({ length: random.between(1, 2) }, () => random.pick(blobs));
      return sendFrom(random.pick(senders), {
        ...dynamicFee(),
        ...random.weighted([
          [1, transfer],
          [1, callToken],
        ])(),
        type: 'eip4844',
        maxFeePerBlobGas: BigInt(random.between(1, 20)) * gwei,
        blobVersionedHashes: carried.map((blob) => blob.versionedHash),
        sidecars: carried.map((blob) => blob.sidecar),
      });
    },

    /** How many transactions the next block holds: none now and then, mostly a few, at times 40. */
    blockSize: () =>
      random.weighted([
        [6, 0],
        [60, random.between(1, 12)],
        [28, random.between(13, 26)],
        [6, random.between(27, 40)],
      ]),
  };
}
