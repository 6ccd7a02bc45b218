// viem against a core: `node viem.mjs HTTP_URL WEBSOCKET_URL`; ends with 0 when everything held.
import assert from "node:assert/strict";
import { createPublicClient, createWalletClient, defineChain, http, keccak256, parseEther, serializeTransaction, webSocket } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [url, socketUrl] = process.argv.slice(2);
const account = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const accessList = [{ address: to, storageKeys: ["0x" + "11".repeat(32)] }];
const chain = defineChain({
  id: 4242, name: "rollup", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
});
const client = createPublicClient({ chain, transport: http(url, { batch: { batchSize: 1000 } }), pollingInterval: 200 });
const wallet = createWalletClient({ account, chain, transport: http(url) });
const subscribed = createPublicClient({ chain, transport: webSocket(socketUrl) });
const heads = [];
const pending = [];
subscribed.watchBlocks({ onBlock: (block) => heads.push(block.number), onError: (error) => { throw error; } });
subscribed.watchPendingTransactions({ onTransactions: (hashes) => pending.push(...hashes) });

assert.equal(await client.getChainId(), 4242);
assert.equal(await client.getBalance({ address: account.address }), parseEther("10000"));
assert.ok((await client.estimateFeesPerGas()).maxFeePerGas > 0n);
assert.equal(await client.estimateGas({ account, to, value: 1n }), 21000n);
assert.equal((await client.getFeeHistory({ blockCount: 1, rewardPercentiles: [50] })).baseFeePerGas.length, 2);
const asked = await Promise.all(Array.from({ length: 150 }, () => client.getBlockNumber({ cacheTime: 0 })));
assert.deepEqual(new Set(asked), new Set([0n]));

for (const more of [{ type: "legacy" }, { type: "eip2930", accessList }, { type: "eip1559", accessList, data: "0x0102" }, {}]) {
  const hash = await wallet.sendTransaction({ to, value: parseEther("1"), ...more });
  const receipt = await client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  const found = await client.getTransaction({ hash });
  const { r, s, v, yParity } = found;
  const fields = { ...found, data: found.input, ...(found.type === "eip1559" ? { gasPrice: undefined } : {}) };
  assert.equal(keccak256(serializeTransaction(fields, { r, s, v, yParity })), hash);
  const block = await client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true });
  assert.ok(block.transactions.some((each) => each.hash === hash));
}

// Behind a gap both wait for certain, so that the second one can replace the first.
const nonce = await client.getTransactionCount({ address: account.address });
const fees = { maxFeePerGas: 3n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 8n };
await wallet.sendTransaction({ to, value: 1n, nonce: nonce + 1, ...fees });
await assert.rejects(wallet.sendTransaction({ to, value: 2n, nonce: nonce + 1, ...fees }), /replacement transaction underpriced/);
const more = { maxFeePerGas: 4n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n };
const quick = await wallet.sendTransaction({ to, value: 3n, nonce: nonce + 1, ...more });
await wallet.sendTransaction({ to, value: 4n, nonce });
assert.equal((await client.waitForTransactionReceipt({ hash: quick })).status, "success");
await assert.rejects(wallet.sendTransaction({ to, nonce: 0 }), /[Nn]once/);

for (let tries = 0; tries < 100 && !(heads.length > 2 && pending.includes(quick)); tries++)
  await new Promise((resolve) => setTimeout(resolve, 100));
assert.ok(heads.length > 2 && pending.includes(quick));
process.exit(0);
