// Compiles a Motoko actor with the compiler of the npm package `motoko`, and writes the module gzipped.
//
//   node compile.cjs StableLog.mo stable_log.wasm.gz
const fs = require("fs");
const zlib = require("zlib");
const motoko = require("motoko").default;

const [source, out] = process.argv.slice(2);
motoko.write("main.mo", fs.readFileSync(source, "utf8"));
const { wasm } = motoko.wasm("main.mo", "ic");
fs.writeFileSync(out, zlib.gzipSync(wasm, { level: 9 }));
