// ethers against a core: `node ethers.mjs HTTP_URL WEBSOCKET_URL`; ends with 0 when everything held.
import assert from "node:assert/strict";
import { JsonRpcProvider, Transaction, Wallet, WebSocketProvider, parseEther } from "ethers";

const [url, socketUrl] = process.argv.slice(2);
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const RECEIVER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const accessList = [{ address: RECEIVER, storageKeys: ["0x" + "11".repeat(32)] }];

// ethers looks for a receipt once and then at new blocks only; answers that it keeps for 250 ms, and a first block that it
// does not report, would hide a batch sealed meanwhile, and on an idle chain no other one comes (docs/api.md).
const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 200, cacheTimeout: -1 });
await provider.on("block", () => {});
const subscribed = new WebSocketProvider(socketUrl);
const wallet = new Wallet(KEY, provider);
const heads = [];
const pending = [];
await subscribed.on("block", (number) => heads.push(number));
await subscribed.on("pending", (hash) => pending.push(hash));

assert.equal((await provider.getNetwork()).chainId, 4242n);
assert.equal((await provider.getBlock("latest")).number, 0);
assert.equal(await provider.getBalance(wallet.address), parseEther("10000"));
const fees = await provider.getFeeData();
assert.ok(fees.gasPrice > 0n && fees.maxFeePerGas > 0n);
assert.equal(await provider.estimateGas({ from: wallet.address, to: RECEIVER, value: 1n }), 21000n);

for (const [type, more] of [[0, {}], [1, { accessList }], [2, { accessList, data: "0x0102" }], [null, {}]]) {
  const fields = { to: RECEIVER, value: parseEther("1"), ...more };
  const sent = await wallet.sendTransaction(type === null ? fields : { ...fields, type });
  const receipt = await sent.wait();
  assert.equal(receipt.status, 1);
  const found = await provider.getTransaction(sent.hash);
  assert.equal(Transaction.from(found).hash, sent.hash);
  const block = await provider.getBlock(receipt.blockNumber, true);
  assert.equal(block.hash, receipt.blockHash);
  assert.ok(block.transactions.includes(sent.hash));
}
assert.equal(await provider.getBalance(RECEIVER), parseEther("10004"));

// Behind a gap both wait for certain, so that the second one can replace the first.
const nonce = await provider.getTransactionCount(wallet.address);
const slow = await wallet.sendTransaction({ to: RECEIVER, value: 1n, nonce: nonce + 1 });
await assert.rejects(wallet.sendTransaction({ to: RECEIVER, value: 2n, nonce: nonce + 1 }), { code: "REPLACEMENT_UNDERPRICED" });
const quick = await wallet.sendTransaction({
  to: RECEIVER, value: 3n, nonce: nonce + 1, maxFeePerGas: 2n * slow.maxFeePerGas, maxPriorityFeePerGas: 10n ** 9n,
});
await wallet.sendTransaction({ to: RECEIVER, value: 4n, nonce });
await quick.wait();
assert.equal(await provider.getTransactionReceipt(slow.hash), null);
await assert.rejects(wallet.sendTransaction({ to: RECEIVER, nonce: 0 }), { code: "NONCE_EXPIRED" });
await assert.rejects(wallet.sendTransaction({ to: RECEIVER, value: parseEther("20000") }), { code: "INSUFFICIENT_FUNDS" });

for (let tries = 0; tries < 100 && !(heads.length > 2 && pending.includes(quick.hash)); tries++)
  await new Promise((resolve) => setTimeout(resolve, 100));
assert.ok(heads.length > 2 && pending.includes(quick.hash));
process.exit(0);
