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

// A StableLog is what the compiler makes of the log in Motoko's documentation; the canister is taken for one, and its `log`
// for nothing that is waited for. A caller who wants to know has `append`.
const root = join(import.meta.dirname, "..", "..", "..");
const file = (...path) => readFileSync(join(root, ...path), "utf8");
motoko.write("idl/aaaaa-aa.did", file("storage.did"));
motoko.setAliases("idl", { storage: "aaaaa-aa" });
const errors = (name, stableLog) => {
  motoko.write(name, `
import Storage "canister:storage";
actor {
  type StableLog = ${stableLog};
  let stableLog : StableLog = Storage;
  public func last(text : Text) : async ([Text], Bool) {
    ignore stableLog.log(text);
    let #Ok _ = await Storage.append([to_candid (text)]) else return ([], false);
    (await stableLog.readLast(1), true)
  };
}`);
  return motoko.check(name).filter(({ severity }) => severity === 1).map(({ message }) => message);
};
const readLast = "readLast : shared query Nat -> async [Text]";
const taken = errors("oneway.mo", `actor { log : Text -> (); ${readLast} }`);
if (taken.length > 0) throw new Error(`Motoko does not take storage.did for a StableLog: ${taken}`);
const refused = errors("twoway.mo", `actor { log : Text -> async (); ${readLast} }`);
if (refused.length === 0) throw new Error("Motoko takes a oneway log for one that is waited for");

motoko.write("RegionLog.mo", file("integration-tests", "peers", "motoko", "RegionLog.mo"));
const documented = motoko.candid("RegionLog.mo").replace(/"?(text|count)"?: /g, "").replace(/\s+/g, " ").trim();
const expected = "service : { log: (text) -> () oneway; readLast: (nat) -> (vec text) query; }";
if (documented !== expected) throw new Error(`the documented log is ${documented}`);
console.log("Motoko takes storage.did for a StableLog");
