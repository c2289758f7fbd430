/** Which canister the page is about. */

/** What the server names in `storage.json`, or the address of the page in `?canister=…&network=…`. */
export interface Target {
  canister: string;
  network: string;
}

/** The parameters of the address go first. Without a network, it is the server that the page came from. */
export async function target(): Promise<Target> {
  const parameters = new URLSearchParams(location.search);
  const served = await fetchTarget();
  const canister = parameters.get("canister") ?? served.canister;
  if (!canister) {
    throw new Error("no canister is named: neither ?canister=… in the address nor storage.json of the server names one");
  }
  const isServed = canister === served.canister;
  const network = parameters.get("network") ?? (isServed ? served.network : undefined) ?? location.origin;
  return { canister, network: new URL(network, location.href).origin };
}

async function fetchTarget(): Promise<Partial<Target>> {
  try {
    const response = await fetch("./storage.json", { cache: "no-store" });
    const found: unknown = response.ok ? await response.json() : {};
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}
