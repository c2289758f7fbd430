// Decodes every case of cases.json and encodes it again with the JavaScript library, and compiles a Motoko canister that does
// the same. scripts/interop.sh runs it in the folder with the cases.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const folder = process.argv[2];
const require = createRequire(join(folder, "package.json"));
const { IDL } = require("@dfinity/candid");
const motoko = require("motoko").default;

const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));

const results = cases.map(({ types, encoded }) => {
  const idls = types.map((type) => new Function("IDL", `return ${type}`)(IDL));
  return encoded.map((hex) => {
    const values = IDL.decode(idls, new Uint8Array(Buffer.from(hex, "hex")));
    return Buffer.from(IDL.encode(idls, values)).toString("hex");
  });
});
writeFileSync(join(folder, "results.json"), JSON.stringify(results));

const methods = cases.map(({ motoko: types }, number) => {
  const values = types.length === 1 ? "v" : types.map((_, at) => `v.${at}`).join(", ");
  return `  public query func case${number}(b : Blob) : async Blob {
    let ?v : ?(${types.join(", ")}) = from_candid (b) else { return "" };
    to_candid (${values})
  };`;
});
motoko.write("interop.mo", `actor {\n${methods.join("\n")}\n}\n`);
const { wasm } = motoko.wasm("interop.mo", "ic");
writeFileSync(join(folder, "interop.wasm"), wasm);
