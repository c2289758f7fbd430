"""Calls a served store with icp-py-core: client.py principal KEY, or client.py use KEY URL CANISTER.

KEY is the hexadecimal secret of an Ed25519 key. Certificates of updates are verified if the module blst is installed.
"""

import importlib.util
import os
import sys

import cbor2
import httpx
from icp_agent import Agent, Client
from icp_canister import Canister
from icp_core import Identity


def expect(condition, what):
    if not condition:
        sys.exit(f"client.py: {what}")


def ok(result):
    """The value of a Result, which is the only value of a reply."""
    reply = result[0]
    reply = reply.get("value", reply) if isinstance(reply, dict) else reply
    expect("Ok" in reply, f"the store replied with an error: {reply}")
    return reply["Ok"]


def use(identity, url, canister):
    status = cbor2.loads(httpx.get(f"{url}/api/v2/status").content)
    status = getattr(status, "value", status)
    agent = Agent(identity, Client(url=url), root_key=status["root_key"], verify_query_signatures=True)
    verifies = importlib.util.find_spec("blst") is not None
    print("certificates of updates are verified" if verifies else "certificates of updates are not verified: no module blst")
    store = Canister(agent, canister, auto_fetch_candid=True)
    content = os.urandom(300_000)
    ok(store.put("python/large", content, verify_certificate=verifies))
    ok(store.put("python/small", b"small", verify_certificate=verifies))
    expect(bytes(ok(store.get("python/large"))) == content, "another value was read than was written")
    expect(bytes(ok(store.get("python/small"))) == b"small", "another value was read than was written")
    missing = store.get("python/none")[0]
    expect("NotFound" in str(missing), f"a missing object is {missing}")
    expect(ok(store.delete("python/small", [], verify_certificate=verifies)), "an object was not deleted")


def main():
    action, key, *rest = sys.argv[1:]
    identity = Identity(privkey=key, type="ed25519")
    if action == "principal":
        print(identity.sender().to_str())
    else:
        use(identity, *rest)


main()
