/** From the address of a network and a canister to calls with verified replies. */
import { Actor, HttpAgent, type Identity } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { type _SERVICE, idlFactory } from "./bindings/declarations/storage.did.js";
import { Storage as Bindings } from "./bindings/storage.js";
import { Caller } from "./caller.js";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry.js";

/** Which canister is called, where, and by whom. */
export interface ConnectOptions {
  /** The canister. */
  canister: string | Principal;
  /** The URL of the network: `https://icp-api.io`, which is the default, or `http://127.0.0.1:4943`. */
  network?: string;
  /** Who calls; the anonymous principal by default. */
  identity?: Identity;
  /**
   * The key that replies are verified with, in DER. By default that of the Internet Computer; on a network of this
   * machine, or with `fetchRootKey`, the one that the network itself names.
   */
  rootKey?: Uint8Array;
  /**
   * Ask the network for its root key, wherever it is. Replies prove then that they come from this network, and not that
   * the network is the Internet Computer. Never set it for mainnet.
   */
  fetchRootKey?: boolean;
  /** Calls again where that is safe; see {@link RetryPolicy}. */
  retry?: RetryPolicy;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

/** A connection: who calls, and how. */
export interface Connection {
  readonly agent: HttpAgent;
  readonly caller: Caller;
  readonly principal: Principal;
  readonly canister: Principal;
}

const MAINNET = "https://icp-api.io";

/** How often the library sends the same signed request again, which the network carries out once. */
const SEND_AGAIN = 2;

/** An agent that notes which errors came after the network had taken a call. */
class NotingAgent extends HttpAgent {
  readonly afterAcceptance = new WeakSet<object>();

  override async readState(...args: Parameters<HttpAgent["readState"]>): ReturnType<HttpAgent["readState"]> {
    try {
      return await super.readState(...args);
    } catch (error) {
      if (typeof error === "object" && error !== null) this.afterAcceptance.add(error);
      throw error;
    }
  }
}

/** Connects, and fetches the root key where that is needed. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const network = options.network ?? MAINNET;
  const fetchesRootKey = !options.rootKey && (options.fetchRootKey ?? isThisMachine(network));
  const agent = new NotingAgent({
    host: network,
    retryTimes: SEND_AGAIN,
    shouldFetchRootKey: fetchesRootKey,
    identity: options.identity,
    rootKey: options.rootKey,
    fetch: options.fetch,
  });
  if (fetchesRootKey) await agent.fetchRootKey();
  const actor = (queryStrategy: "query" | "update") =>
    new Bindings(
      Actor.createActor<_SERVICE>(idlFactory, { agent, canisterId: options.canister, queryStrategy }),
    );
  const policy = options.retry ?? DEFAULT_RETRY;
  const caller = new Caller(actor("query"), actor("update"), policy, agent.afterAcceptance);
  return { agent, caller, principal: await agent.getPrincipal(), canister: Principal.from(options.canister) };
}

/** Whether a URL leads to this machine, whose replica has its own root key. */
export function isThisMachine(network: string): boolean {
  const { hostname } = new URL(network);
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
