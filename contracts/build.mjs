// Compiles the contracts and writes, for each that can be deployed, artifacts/NAME.json: its ABI and creation bytecode, and
// beside them artifacts/made.txt: the SHA-256 of every file that they were made of, and of each of them.
// `node build.mjs [ROOT]`: artifacts go below ROOT, by default the checkout. Needs `npm ci` in this folder once.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));
const root = process.argv[2] ?? checkout;
const folderOf = {};
for (const folder of ["contracts", "tests/contracts"]) {
  const names = readdirSync(join(checkout, folder, "src")).sort();
  for (const name of names) if (name.endsWith(".sol")) folderOf[name] = folder;
}
const read = ([name, folder]) => [name, { content: readFileSync(join(checkout, folder, "src", name), "utf8") }];
const input = {
  language: "Solidity",
  sources: Object.fromEntries(Object.entries(folderOf).map(read)),
  settings: {
    evmVersion: "cancun",
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    optimizer: { enabled: true, runs: 1000000 },
    viaIR: true,
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const found = output.errors ?? [];
for (const message of found) process.stderr.write(message.formattedMessage);
if (found.length > 0) process.exit(1);
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const made = ["contracts/build.mjs", "contracts/package-lock.json"];
made.push(...Object.entries(folderOf).map(([name, folder]) => `${folder}/src/${name}`));
const lines = made.map((name) => `${digest(join(checkout, name))}  ${name}`);
for (const [source, contracts] of Object.entries(output.contracts)) {
  const folder = join(root, folderOf[source], "artifacts");
  mkdirSync(folder, { recursive: true });
  for (const [name, { abi, evm }] of Object.entries(contracts)) {
    if (evm.bytecode.object === "" || !abi.some(({ type }) => type === "function")) continue;
    const artifact = { contract: name, compiler: solc.version(), abi, bytecode: evm.bytecode.object };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(artifact, null, 1) + "\n");
    lines.push(`${digest(join(folder, `${name}.json`))}  ${folderOf[source]}/artifacts/${name}.json`);
  }
}
writeFileSync(join(root, "contracts/artifacts/made.txt"), lines.join("\n") + "\n");
