// What the scripts of the bridge share: the contract's functions, their sums, and patience with a core that is killed.
import { setTimeout as sleep } from "node:timers/promises";

export const ABI = [
  "function deposit(address to) payable",
  "function claimWithdrawal(uint64 batch, uint64 index, address to, uint256 amount, bytes32[] path)",
];
export const ETHER = 10n ** 18n;
export const WITHDRAWAL = "0x0000000000000000000000000000000000004c31";
export const SHARED = "0x" + "ab".repeat(20);

// Tries until it holds; a core that is away is asked again.
export async function until(ask, seconds = 150) {
  for (let last, end = Date.now() + 1000 * seconds; ; await sleep(200)) {
    try {
      const found = await ask();
      if (found) return found;
      last = new Error("it does not come to hold");
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw last;
  }
}
