// The log of Motoko's documentation (StableLog) on the older ExperimentalStableMemory: a peer of the canister's log.
//
// The same as RegionLog.mo, with the primitives behind mo:base's ExperimentalStableMemory, which cost a little less.
import P "mo:⛔";

actor {
  stable var end : Nat64 = 0;

  func reserve(bytes : Nat64) {
    let pages = (bytes + 65_535) >> 16;
    let held = P.stableMemorySize();
    if (pages > held) {
      assert P.stableMemoryGrow(pages - held) != 0xFFFF_FFFF_FFFF_FFFF;
    };
  };

  public func log(text : Text) {
    let blob = P.encodeUtf8(text);
    let size = P.natToNat64(blob.size());
    reserve(end + size + 4);
    P.stableMemoryStoreBlob(end, blob);
    end += size;
    P.stableMemoryStoreNat32(end, P.intToNat32Wrap(blob.size()));
    end += 4;
  };

  public query func readLast(count : Nat) : async [Text] {
    let texts = P.Array_init<Text>(count, "");
    var offset = end;
    var read = 0;
    while (read < count and offset > 0) {
      offset -= 4;
      let size = P.stableMemoryLoadNat32(offset);
      offset -= P.nat32ToNat64(size);
      let blob = P.stableMemoryLoadBlob(offset, P.nat32ToNat(size));
      let ?text = P.decodeUtf8(blob) else P.trap("the log holds texts");
      texts[read] := text;
      read += 1;
    };
    P.Array_tabulate<Text>(read, func i = texts[i]);
  };
};
