//! Prints the costs of values of different sizes, inline and in extents: the data for the choice of the inline limit.
//!
//! Run it with `scripts/measure-inline.sh`, which builds the probe canister that it is given.

use candid::utils::{ArgumentDecoder, ArgumentEncoder};
use candid::{Principal, decode_args, encode_args};
use embedded_ic::{Config, EmbeddedIc};

/// Objects stored before the measurement.
const HELD: u64 = 20_000;
/// Objects stored by one message.
const FILL: u64 = 1_000;
/// Measured messages; the mean is printed.
const MEASURED: u64 = 100;

struct Probe {
    ic: EmbeddedIc,
    caller: Principal,
}

impl Probe {
    fn install(wasm: &[u8], inline_limit: u64) -> Self {
        let mut ic = EmbeddedIc::new(Config::default()).expect("an embedded host in memory starts");
        ic.install(wasm, &encode_args(()).expect("nothing encodes")).expect("the probe installs");
        let mut probe = Self { ic, caller: Principal::anonymous() };
        probe.call::<_, ()>("open", (inline_limit,));
        probe
    }

    fn call<A: ArgumentEncoder, R: for<'a> ArgumentDecoder<'a>>(&mut self, method: &str, args: A) -> R {
        let args = encode_args(args).expect("numbers encode");
        let reply = self.ic.update(self.caller, method, &args).expect("the probe answers");
        decode_args(&reply.bytes).expect("the probe answers what its type says")
    }

    fn mean(&mut self, method: &str, args: impl Fn(u64) -> Vec<u64>) -> u64 {
        let mut total = 0;
        for number in 0..MEASURED {
            let (cost,): (u64,) = match args(number)[..] {
                [a] => self.call(method, (a,)),
                [a, b] => self.call(method, (a, b)),
                _ => unreachable!("methods of the probe take one or two numbers"),
            };
            total += cost;
        }
        total / MEASURED
    }
}

fn measure(wasm: &[u8], size: u64, inline_limit: u64) -> [u64; 5] {
    let mut probe = Probe::install(wasm, inline_limit);
    for from in (0..HELD).step_by(FILL as usize) {
        probe.call::<_, ()>("fill", (from, FILL, size));
    }
    let (space,): (u64,) = probe.call("bytes_per_object", ());
    let new = probe.mean("put", |number| vec![HELD + number, size]);
    let overwrite = probe.mean("put", |number| vec![number * 199, size]);
    let get = probe.mean("get", |number| vec![number * 197]);
    let delete = probe.mean("delete", |number| vec![number * 193]);
    [new, overwrite, get, delete, space]
}

fn main() {
    let path = std::env::args()
        .nth(1)
        .expect("the path of the probe's wasm is given; run scripts/measure-inline.sh");
    let wasm = std::fs::read(path).expect("the probe's wasm can be read");
    println!("Instructions per operation with {HELD} objects, and bytes of stable memory per object.\n");
    println!("| value | where | put new | overwrite | get | delete | bytes per object |");
    println!("|---|---|---|---|---|---|---|");
    for size in [32, 64, 96, 128, 192, 256, 512, 1_024] {
        for (place, limit) in [("inline", 4_096), ("extent", 0)] {
            let [new, overwrite, get, delete, space] = measure(&wasm, size, limit);
            println!("| {size} B | {place} | {new} | {overwrite} | {get} | {delete} | {space} |");
        }
    }
}
