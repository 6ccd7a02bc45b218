// viem across the bridge: `node bridge_viem.mjs L1 L2 EXECUTOR KEY RECEIVER`; ends with 0 when everything held.
import assert from "node:assert/strict";
import { createPublicClient, createWalletClient, defineChain, http, keccak256, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ABI, ETHER, SHARED, WITHDRAWAL, until } from "./bridge_common.mjs";

const [l1Url, l2Url, address, key, receiver] = process.argv.slice(2);
const account = privateKeyToAccount(key);
const chainOf = (id, name, url) =>
  defineChain({ id, name, nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } } });
const l1Chain = chainOf(31337, "l1", l1Url);
const l2Chain = chainOf(4242, "rollup", l2Url);
const l1 = createPublicClient({ chain: l1Chain, transport: http(l1Url), pollingInterval: 200, cacheTime: 0 });
const l2 = createPublicClient({ chain: l2Chain, transport: http(l2Url), pollingInterval: 200, cacheTime: 0 });
const payer = createWalletClient({ account, chain: l1Chain, transport: http(l1Url) });
const abi = parseAbi(ABI);

const deposit = await payer.writeContract({ address, abi, functionName: "deposit", args: [account.address], value: 5n * ETHER });
assert.equal((await l1.waitForTransactionReceipt({ hash: deposit })).status, "success");
await until(async () => (await l2.getBalance({ address: account.address })) === 5n * ETHER);

// Signed once and sent until it is there, as a wallet does when a node goes away.
async function send(nonce, fields) {
  const fees = { maxFeePerGas: 3n * 10n ** 9n, maxPriorityFeePerGas: 0n };
  const serializedTransaction = await account.signTransaction({ chainId: 4242, type: "eip1559", nonce, gas: 30000n, ...fees, ...fields });
  return until(async () => {
    await l2.sendRawTransaction({ serializedTransaction }).catch((error) => {
      if (!/already known|nonce too low/i.test(error.message)) throw error;
    });
    return l2.getTransactionReceipt({ hash: keccak256(serializedTransaction) });
  });
}

const moved = await send(0, { to: SHARED, value: ETHER });
const left = await send(1, { to: WITHDRAWAL, value: 2n * ETHER, data: receiver });
assert.deepEqual([moved.status, left.status], ["success", "success"]);
const paid = moved.gasUsed * moved.effectiveGasPrice + left.gasUsed * left.effectiveGasPrice;
assert.equal(await until(() => l2.getBalance({ address: account.address })), 2n * ETHER - paid);

const ask = () => l2.request({ method: "hallmark_withdrawalProof", params: [left.transactionHash] });
const proof = await until(async () => {
  const found = await ask();
  return found.status === "claimable" && found;
});
const args = [BigInt(proof.batch), BigInt(proof.index), proof.to, BigInt(proof.amount), proof.path];
const claim = await payer.writeContract({ address, abi, functionName: "claimWithdrawal", args });
assert.equal((await l1.waitForTransactionReceipt({ hash: claim })).status, "success");
assert.equal(await l1.getBalance({ address: receiver }), 2n * ETHER);
await assert.rejects(l1.simulateContract({ account, address, abi, functionName: "claimWithdrawal", args }));
await until(async () => (await ask()).status === "claimed");
process.exit(0);
