/** A store in a temporary folder, served by `storage serve`, for tests. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A store that is served. */
export interface Served {
  readonly url: string;
  readonly canister: string;
  stop(): Promise<void>;
}

/** What is done to a store before it is served. */
export interface ServeOptions {
  /** Principals with the rights of a controller. */
  controllers?: string[];
  /** The port; any free one by default. */
  port?: number;
}

/** Makes a store and serves it. `STORAGE_BIN` names the binary. */
export async function serve({ controllers = [], port = 0 }: ServeOptions = {}): Promise<Served> {
  const binary = process.env["STORAGE_BIN"];
  if (!binary) throw new Error("STORAGE_BIN does not name the storage binary; scripts/web.sh sets it");
  const folder = mkdtempSync(join(tmpdir(), "storage-served-"));
  const store = ["--store", join(folder, "store")];
  execFileSync(binary, [...store, "--quiet", "init"], { stdio: ["ignore", "ignore", "inherit"] });
  const args = controllers.flatMap((principal) => ["--controller", principal]);
  const server = spawn(binary, [...store, "--json", "serve", "--listen", `127.0.0.1:${port}`, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { url, canister } = await firstLine(server);
  return {
    url,
    canister,
    stop: async () => {
      await ended(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(server: ChildProcess): Promise<{ url: string; canister: string }> {
  const lines = createInterface({ input: server.stdout! });
  for await (const line of lines) return JSON.parse(line) as { url: string; canister: string };
  throw new Error("storage serve ended without a line");
}

function ended(server: ChildProcess): Promise<void> {
  return new Promise((done) => {
    server.once("exit", () => done());
    server.kill("SIGTERM");
  });
}
