// ethers across the bridge: `node bridge_ethers.mjs L1 L2 EXECUTOR KEY RECEIVER`; ends with 0 when everything held.
import assert from "node:assert/strict";
import { Contract, JsonRpcProvider, Wallet, keccak256 } from "ethers";
import { ABI, ETHER, SHARED, WITHDRAWAL, until } from "./bridge_common.mjs";

const [l1Url, l2Url, address, key, receiver] = process.argv.slice(2);
const l1 = new JsonRpcProvider(l1Url, undefined, { pollingInterval: 200, cacheTimeout: -1 });
const l2 = new JsonRpcProvider(l2Url, 4242, { pollingInterval: 200, cacheTimeout: -1, staticNetwork: true });
const payer = new Wallet(key, l1);
const wallet = new Wallet(key, l2);
const executor = new Contract(address, ABI, payer);

assert.equal((await (await executor.deposit(wallet.address, { value: 5n * ETHER })).wait()).status, 1);
await until(async () => (await l2.getBalance(wallet.address)) === 5n * ETHER);

// Signed once and sent until it is there, as a wallet does when a node goes away.
async function send(nonce, fields) {
  const fees = { maxFeePerGas: 3n * 10n ** 9n, maxPriorityFeePerGas: 0n };
  const signed = await wallet.signTransaction({ chainId: 4242, type: 2, nonce, gasLimit: 30000n, ...fees, ...fields });
  return until(async () => {
    const hash = await l2.broadcastTransaction(signed).then((sent) => sent.hash, (error) => {
      if (/already known|nonce too low/.test(error.message) || error.code === "NONCE_EXPIRED") return null;
      throw error;
    });
    return l2.getTransactionReceipt(hash ?? keccak256(signed));
  });
}

const moved = await send(0, { to: SHARED, value: ETHER });
const left = await send(1, { to: WITHDRAWAL, value: 2n * ETHER, data: receiver });
assert.deepEqual([moved.status, left.status], [1, 1]);
const paid = moved.fee + left.fee;
assert.equal(await until(() => l2.getBalance(wallet.address)), 2n * ETHER - paid);

const proof = await until(async () => {
  const found = await l2.send("hallmark_withdrawalProof", [left.hash]);
  return found.status === "claimable" && found;
});
const claim = await executor.claimWithdrawal(proof.batch, proof.index, proof.to, proof.amount, proof.path);
assert.equal((await claim.wait()).status, 1);
assert.equal(await l1.getBalance(receiver), 2n * ETHER);
await assert.rejects(executor.claimWithdrawal.staticCall(proof.batch, proof.index, proof.to, proof.amount, proof.path));
await until(async () => (await l2.send("hallmark_withdrawalProof", [left.hash])).status === "claimed");
process.exit(0);
