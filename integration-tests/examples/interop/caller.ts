// What a page writes with the bindings that icp-bindgen makes of storage.did. scripts/interop.sh has tsc check it.
import {
  Condition,
  MetadataPair,
  Written,
  WrittenResult,
  createActor,
  type ListResult,
  type storageInterface,
} from "./bindings/storage";

/** The value of a result, which every method has by one name. */
function written(result: WrittenResult): Written {
  if (result.__kind__ === "Err") throw new Error(JSON.stringify(result.Err));
  return result.Ok;
}

/** One small object with a type, metadata and a condition, in one call. */
export async function publish(storage: storageInterface, key: string, value: Uint8Array): Promise<bigint> {
  const author: MetadataPair = { name: "author", value: "Ada" };
  const condition: Condition = { __kind__: "Absent", Absent: null };
  return written(await storage.put_with({ key, value, content_type: "text/plain", metadata: [author], condition })).revision;
}

/** A page without a limit. */
export async function names(storage: storageInterface, prefix: string): Promise<string[]> {
  const page: ListResult = await storage.list({ prefix });
  return page.__kind__ === "Ok" ? page.Ok.objects.map((object) => object.key) : [];
}

export const storage: storageInterface = createActor("aaaaa-aa");
