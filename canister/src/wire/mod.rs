//! How the hot methods take their arguments and reply, without the copies and the overhead of the general way.
//!
//! [`endpoint!`] exports a function as a method. Its arguments are borrowed from the one buffer that holds the argument of
//! the message, so that a blob is copied once on its way to stable memory. What common clients send is decoded by
//! [`decode`](decode::decode) without building a type table; everything else is decoded by Candid. A reply in `Ok` carries a
//! type without the cases of `Error`, which is a subtype of what the contract says, and a [`Blob`] goes from stable memory
//! into the reply without another copy.
//!
//! A new method takes a line of [`endpoint!`]. Where its arguments or its answer have types that no other method here has,
//! it takes an empty implementation of [`Arguments`] or [`Answer`](reply::Answer), too, and Candid does
//! the work.
//!
//! A function that is exported here runs outside of ic-cdk's executor, so it cannot be `async`.

#[cfg(test)]
#[expect(unreachable_pub, reason = "the fuzz target takes these from a library")]
#[path = "../../fuzz/src/arguments.rs"]
mod arguments;
mod blob;
mod buffer;
mod decode;
mod reply;

pub(crate) use blob::Blob;
pub(crate) use buffer::with_argument;
pub(crate) use decode::{Arguments, Text, decode};
pub(crate) use reply::{Accepted, Answer, Reply};

/// Replies, or rejects the message where its arguments are not those of the method. [`endpoint!`] calls it.
pub(crate) fn finish<C>(answer: Result<impl Reply<Candid = C>, String>) {
    match answer {
        Ok(reply) => reply.send(),
        Err(error) => ic_cdk::trap(error),
    }
}

/// Exports a function as a method: `endpoint!("canister_update put": update fn put(key: &str, value: &Bytes) ->
/// Result<ObjectInfo>)`. The function has these arguments, and returns something that replies with this type.
///
/// The arguments of an update may borrow from the buffer. Those of a query may not, because its reply takes the buffer.
///
/// Like the attributes of ic-cdk, it tells `export_service!` of the method, but only in tests. So a method that is not
/// exported, or not as storage.did says, fails the test of the interface.
macro_rules! endpoint {
    ($export:tt: $kind:ident fn $function:ident($($argument:ident: $type:ty),+) -> $($candid:tt)+) => {
        const _: () = {
            // SAFETY: the name has the form that only exported methods have, and the linker refuses to have it twice.
            #[cfg_attr(target_family = "wasm", unsafe(export_name = $export))]
            extern "C" fn method() {
                let answer = $crate::wire::endpoint!(@$kind $function($($argument: $type),+));
                $crate::wire::finish::<$($candid)+>(answer);
            }

            // Where nothing is exported, this is what uses the function.
            #[cfg(not(target_family = "wasm"))]
            const _: extern "C" fn() = method;
        };

        #[cfg(test)]
        const _: () = {
            #[candid::candid_method($kind)]
            #[allow(dead_code, unused_variables, reason = "only its signature is looked at")]
            fn $function($($argument: $type),+) -> $($candid)+ {
                unreachable!("only its signature is looked at")
            }
        };
    };
    (@update $function:ident($($argument:ident: $type:ty),+)) => {
        $crate::wire::with_argument(|bytes| {
            let ($($argument,)+) = $crate::wire::decode::<($($type,)+)>(bytes)?;
            Ok($function($($argument),+))
        })
    };
    (@query $function:ident($($argument:ident: $type:ty),+)) => {
        $crate::wire::with_argument(|bytes| $crate::wire::decode::<($($type,)+)>(bytes))
            .map(|($($argument,)+)| $function($($argument),+))
    };
}
pub(crate) use endpoint;
