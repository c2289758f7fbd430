// The log of Motoko's documentation (StableLog) in a region: a peer of the canister's log.
//
// `log` and `readLast` follow the documented pattern: the UTF-8 bytes of a text, then their count in 32 bits, and a stable
// variable for the end. The functions of mo:core's and mo:base's Region are these primitives under other names.
import P "mo:⛔";

actor {
  stable let region = P.regionNew();
  stable var end : Nat64 = 0;

  func reserve(bytes : Nat64) {
    let pages = (bytes + 65_535) >> 16;
    let held = P.regionSize(region);
    if (pages > held) {
      assert P.regionGrow(region, pages - held) != 0xFFFF_FFFF_FFFF_FFFF;
    };
  };

  public func log(text : Text) {
    let blob = P.encodeUtf8(text);
    let size = P.natToNat64(blob.size());
    reserve(end + size + 4);
    P.regionStoreBlob(region, end, blob);
    end += size;
    P.regionStoreNat32(region, end, P.intToNat32Wrap(blob.size()));
    end += 4;
  };

  public query func readLast(count : Nat) : async [Text] {
    let texts = P.Array_init<Text>(count, "");
    var offset = end;
    var read = 0;
    while (read < count and offset > 0) {
      offset -= 4;
      let size = P.regionLoadNat32(region, offset);
      offset -= P.nat32ToNat64(size);
      let blob = P.regionLoadBlob(region, offset, P.nat32ToNat(size));
      let ?text = P.decodeUtf8(blob) else P.trap("the log holds texts");
      texts[read] := text;
      read += 1;
    };
    P.Array_tabulate<Text>(read, func i = texts[i]);
  };
};
