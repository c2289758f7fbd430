/**
 * Who calls: the anonymous principal, or an Ed25519 key that is kept in this browser. Where the browser can, the key is one that cannot be
 * read, not even by this page; it can only sign.
 */
import { type Signature, SignIdentity } from "@icp-sdk/core/agent";
import { Ed25519KeyIdentity, Ed25519PublicKey } from "@icp-sdk/core/identity";

/** What is kept: a pair of keys of the browser, or a secret where it has no Ed25519 or the page is not secure. */
type Kept = { keys: CryptoKeyPair; publicKey: Uint8Array } | { secret: Uint8Array };

interface Record {
  kept?: Kept;
  /** Whether calls are made as it. */
  isUsed: boolean;
}

const [DATABASE, STORE, KEY] = ["storage-page", "identity", "key"];

class BrowserIdentity extends SignIdentity {
  readonly #publicKey: Ed25519PublicKey;

  constructor(
    private readonly keys: CryptoKeyPair,
    raw: Uint8Array,
  ) {
    super();
    this.#publicKey = Ed25519PublicKey.fromRaw(raw);
  }

  override getPublicKey(): Ed25519PublicKey {
    return this.#publicKey;
  }

  override async sign(bytes: Uint8Array): Promise<Signature> {
    const signature = await crypto.subtle.sign("Ed25519", this.keys.privateKey, new Uint8Array(bytes));
    return new Uint8Array(signature) as Signature;
  }
}

/** The identity of this browser, and whether calls are made as it. */
export async function load(): Promise<{ identity?: SignIdentity; isUsed: boolean }> {
  const record = (await request<Record | undefined>("readonly", (store) => store.get(KEY))) ?? { isUsed: false };
  return { identity: record.kept && identityOf(record.kept), isUsed: record.isUsed };
}

/** Makes a new key in place of the one that is there, and calls as it from now on. */
export async function create(): Promise<void> {
  await save({ kept: await newKey(), isUsed: true });
}

/** Calls as the identity, or anonymously. */
export async function use(isUsed: boolean): Promise<void> {
  const record = await request<Record | undefined>("readonly", (store) => store.get(KEY));
  await save({ ...record, isUsed });
}

/** Forgets the key. Nothing brings it back. */
export async function forget(): Promise<void> {
  await request("readwrite", (store) => store.delete(KEY));
}

async function newKey(): Promise<Kept> {
  try {
    const keys = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
    return { keys, publicKey };
  } catch {
    return { secret: Ed25519KeyIdentity.generate().getKeyPair().secretKey };
  }
}

function identityOf(kept: Kept): SignIdentity {
  if ("secret" in kept) return Ed25519KeyIdentity.fromSecretKey(kept.secret);
  return new BrowserIdentity(kept.keys, kept.publicKey);
}

async function save(record: Record): Promise<void> {
  await request("readwrite", (store) => store.put(record, KEY));
}

async function request<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await settled<IDBDatabase>(openDatabase());
  try {
    return await settled<T>(ask(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function openDatabase(): IDBOpenDBRequest {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return opening;
}

function settled<T>(asked: IDBRequest): Promise<T> {
  return new Promise((done, fail) => {
    asked.onsuccess = () => done(asked.result as T);
    asked.onerror = () => fail(asked.error ?? new Error("the browser's database failed"));
  });
}
