// web3.js against a core: `node web3.mjs HTTP_URL WEBSOCKET_URL`; ends with 0 when everything held.
import assert from "node:assert/strict";
import { Web3 } from "web3";

const [url, socketUrl] = process.argv.slice(2);
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const accessList = [{ address: to, storageKeys: ["0x" + "11".repeat(32)] }];
const web3 = new Web3(url);
web3.eth.transactionPollingInterval = 200;
const [account] = web3.eth.accounts.wallet.add(KEY);
const from = account.address;
const subscribed = new Web3(socketUrl);
const heads = [];
const pending = [];
(await subscribed.eth.subscribe("newHeads")).on("data", (head) => heads.push(head.number));
(await subscribed.eth.subscribe("newPendingTransactions")).on("data", (hash) => pending.push(hash));

assert.equal(await web3.eth.getChainId(), 4242n);
assert.equal(await web3.eth.getBalance(from), 10_000n * 10n ** 18n);
assert.equal((await web3.eth.getBlock("latest")).number, 0n);
assert.equal(await web3.eth.estimateGas({ from, to, value: "1" }), 21000n);
assert.ok((await web3.eth.calculateFeeData()).maxFeePerGas > 0n);
assert.equal((await web3.eth.getFeeHistory(1, "latest", [50])).baseFeePerGas.length, 2);
const gasPrice = 2n * 10n ** 9n;
const last = [];
for (const more of [{ type: 0, gasPrice }, { type: 1, gasPrice, accessList }, { type: 2, accessList, data: "0x0102" }, {}]) {
  const receipt = await web3.eth.sendTransaction({ from, to, value: 10n ** 18n, ...more });
  assert.equal(receipt.status, 1n);
  const found = await web3.eth.getTransaction(receipt.transactionHash);
  assert.equal(found.blockHash, receipt.blockHash);
  const block = await web3.eth.getBlock(receipt.blockNumber);
  assert.ok(block.transactions.includes(receipt.transactionHash));
  last.push(receipt.transactionHash);
}

// Behind a gap both wait for certain, so that the second one can replace the first.
const nonce = await web3.eth.getTransactionCount(from);
async function send(fields) {
  const gas = 21000;
  const signed = await web3.eth.accounts.signTransaction({ to, gas, type: 2, chainId: 4242, ...fields }, KEY);
  return { hash: signed.transactionHash, sent: web3.eth.sendSignedTransaction(signed.rawTransaction) };
}
const low = { maxFeePerGas: 3n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 8n };
const high = { maxFeePerGas: 4n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n };
const slow = await send({ value: 1n, nonce: nonce + 1n, ...low });
slow.sent.catch(() => {}); // it never comes into a block
await new Promise((resolve) => slow.sent.once("transactionHash", resolve));
const refused = await send({ value: 2n, nonce: nonce + 1n, ...low });
await assert.rejects(refused.sent, /replacement transaction underpriced/);
const quick = await send({ value: 3n, nonce: nonce + 1n, ...high });
const first = await send({ value: 4n, nonce, ...low });
assert.equal((await first.sent).status, 1n);
assert.equal((await quick.sent).status, 1n);

for (let tries = 0; tries < 100 && !(heads.length > 2 && pending.includes(quick.hash)); tries++)
  await new Promise((resolve) => setTimeout(resolve, 100));
assert.ok(heads.length > 2 && pending.includes(quick.hash));
process.exit(0);
