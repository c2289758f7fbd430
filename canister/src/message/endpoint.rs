//! The macro that exports the methods.

use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{Error, METHODS, Method, MethodKind, Result};

use super::Reply;
use super::reply::BLOB_HEADER_BYTES;
use crate::state::CanisterStore;

/// Returns the index in [`METHODS`] of an exported method, for example of `canister_update put`.
///
/// # Panics
///
/// Panics if there is no such method, or if it is of another kind.
pub(crate) const fn position_of(export: &str) -> usize {
    let is_query = export.as_bytes()[9] == b'q';
    let prefix = if is_query { "canister_query " } else { "canister_update " };
    let at = Method::position(export.split_at(prefix.len()).1);
    assert!(matches!(METHODS[at].kind, MethodKind::Query) == is_query, "the method is of the other kind");
    at
}

/// Largest size of a blob with its header, in bytes.
const ROOM_BYTES: usize = BLOB_HEADER_BYTES + MAX_REPLY_BYTES as usize;

/// Returns a buffer for the largest blob with its header. After a large argument the block has no space for
/// it; then the buffer is on the heap.
pub(crate) fn room_or_heap<'m>(room: &'m mut [u8], heap: &'m mut Vec<u8>) -> &'m mut [u8] {
    // Decided by the length, because a part that was borrowed cannot be returned.
    if room.len() >= ROOM_BYTES {
        return &mut room[..ROOM_BYTES];
    }
    heap.resize(ROOM_BYTES, 0);
    heap
}

/// Calls a function that writes a blob after the space for its header.
pub(crate) fn fill<'m>(
    room: &'m mut [u8],
    heap: &'m mut Vec<u8>,
    write: impl FnOnce(&mut [u8]) -> Result<usize>,
) -> Result<(&'m mut [u8], usize)> {
    let room = room_or_heap(room, heap);
    let length = write(&mut room[BLOB_HEADER_BYTES..])?;
    Ok((room, length))
}

/// Counts a refused update.
#[cold]
pub(crate) fn count_refusal(store: &mut CanisterStore, method: usize, error: Error) -> Error {
    let refused: Result<()> = Err(error.clone());
    store.count(method, &refused);
    error
}

/// Replies with nothing.
pub(crate) fn send_nothing(_reply: Reply<'_>) {
    ic0::msg_reply_data_append(b"DIDL\0\0");
    ic0::msg_reply();
}

/// Exports methods, one line each; `endpoints.rs` describes the lines.
///
/// Only exported methods use names of this form, and the linker refuses duplicates.
macro_rules! endpoints {
    ($($export:literal: $runs:ident $module:ident::$function:ident($($name:ident: $ty:ty),*) => $answers:ident $reply:ty;)+) => {
        $(const _: () = {
            const METHOD: usize = $crate::message::position_of($export);

            // SAFETY: see above.
            #[cfg_attr(target_family = "wasm", unsafe(export_name = $export))]
            extern "C" fn method() {
                $crate::message::handle(|scratch, reply| $crate::message::endpoint!(
                    @$runs scratch, reply, METHOD, $module::$function, ($($name: $ty),*), $answers, $reply
                ));
            }

            // Uses the function on targets where it is not exported.
            #[cfg(not(target_family = "wasm"))]
            const _: extern "C" fn() = method;
        };)+

        /// The methods with the types of their arguments and replies, for the test that compares them with
        /// `storage.did`.
        #[cfg(test)]
        pub(crate) const SIGNATURES: &[$crate::interface::Signature] = &[$($crate::interface::Signature {
            export: $export,
            arguments: <($($ty,)*) as storage_wire::Arguments>::TYPES,
            answers: stringify!($answers),
            reply: <$reply as storage_wire::Typed>::TYPE,
        }),+];
    };
}

macro_rules! endpoint {
    (@update $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::write(|store| {
            if let Err(error) = $crate::access::check(store, $method, &$crate::access::Sender::of_message()) {
                let error = $crate::message::count_refusal(store, $method, error);
                return $crate::message::endpoint!(@$answers Err(error), $reply, $ok);
            }
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, _) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let result = $function(store, $($name),*);
            store.count($method, &result);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    (@update_as $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::write(|store| {
            let sender = $crate::access::Sender::of_message();
            let caller = match $crate::access::check(store, $method, &sender) {
                Ok(admission) => sender.caller(admission),
                Err(error) => {
                    let error = $crate::message::count_refusal(store, $method, error);
                    return $crate::message::endpoint!(@$answers Err(error), $reply, $ok);
                }
            };
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, _) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let result = $function(store, &caller, $($name),*);
            store.count($method, &result);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    (@query $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            if let Err(error) = $crate::access::check(store, $method, &$crate::access::Sender::of_message()) {
                return $crate::message::endpoint!(@$answers Err(error), $reply, $ok);
            }
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, _) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let result = $function(store, $($name),*);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    (@query_as $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            let sender = $crate::access::Sender::of_message();
            let caller = match $crate::access::check(store, $method, &sender) {
                Ok(admission) => sender.caller(admission),
                Err(error) => return $crate::message::endpoint!(@$answers Err(error), $reply, $ok),
            };
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, _) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let result = $function(store, &caller, $($name),*);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    (@blob $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            if let Err(error) = $crate::access::check(store, $method, &$crate::access::Sender::of_message()) {
                return $reply.send_error(&error);
            }
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, room) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let mut heap = Vec::new();
            let filled = $crate::message::fill(room, &mut heap, |room| $function(store, room, $($name),*));
            $crate::message::endpoint!(@send_blob filled, $reply, $ok)
        })
    };
    (@blob_as $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            let sender = $crate::access::Sender::of_message();
            let caller = match $crate::access::check(store, $method, &sender) {
                Ok(admission) => sender.caller(admission),
                Err(error) => return $reply.send_error(&error),
            };
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, room) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let mut heap = Vec::new();
            let filled =
                $crate::message::fill(room, &mut heap, |room| $function(store, room, &caller, $($name),*));
            $crate::message::endpoint!(@send_blob filled, $reply, $ok)
        })
    };
    (@page $scratch:ident, $reply:ident, $method:ident, $function:path, ($($name:ident: $ty:ty),*), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            if let Err(error) = $crate::access::check(store, $method, &$crate::access::Sender::of_message()) {
                return $crate::message::endpoint!(@$answers Err(error), $reply, $ok);
            }
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, room) = argument.split();
            $crate::message::endpoint!(@arguments bytes, space, ($($name: $ty),*));
            let mut heap = Vec::new();
            let room = $crate::message::Room::new($crate::message::room_or_heap(room, &mut heap));
            let result = $function(store, room, $($name),*);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    // Open to everyone; arguments that cannot be decoded also get a reply.
    (@open $scratch:ident, $reply:ident, $method:ident, $function:path, ($name:ident: $ty:ty), $answers:ident, $ok:ty) => {
        $crate::state::read(|store| {
            const _: () = assert!(stable_storage_api::METHODS[METHOD].role.is_none(), "the method needs a role");
            let mut argument = $crate::message::Argument::take($scratch);
            let (bytes, _) = argument.split();
            let mut space = Vec::new();
            let decoded = storage_wire::decode(bytes, storage_wire::argument_headers!($ty), &mut space);
            let ($name,): ($ty,) = decoded.unwrap_or_default();
            let result = $function(store, $name);
            $crate::message::endpoint!(@$answers result, $reply, $ok)
        })
    };
    (@arguments $bytes:ident, $space:ident, ($($name:ident: $ty:ty),*)) => {
        let mut $space = Vec::new();
        let ($($name,)*) = $crate::message::decode::<($($ty,)*)>(
            $bytes,
            storage_wire::argument_headers!($($ty),*),
            &mut $space,
        );
    };
    (@result $result:expr, $reply:ident, $ok:ty) => {
        match $result {
            Ok(value) => {
                let value: $ok = value;
                let headers = storage_wire::reply_headers!($ok, $crate::message::OK);
                $reply.send(&value, headers, $crate::message::OK)
            }
            Err(error) => $reply.send_error(&error),
        }
    };
    (@plain $result:expr, $reply:ident, $ok:ty) => {
        match $result {
            Ok(value) => {
                let value: $ok = value;
                $reply.send(&value, storage_wire::reply_headers!($ok, &[]), &[])
            }
            Err(error) => $crate::message::reject(&error),
        }
    };
    (@oneway $result:expr, $reply:ident, $ok:ty) => {
        match $result {
            Ok(()) => $crate::message::send_nothing($reply),
            Err(error) => $crate::message::reject_aloud(stable_storage_api::METHODS[METHOD].name, &error),
        }
    };
    (@send_blob $filled:ident, $reply:ident, $ok:ty) => {
        match $filled {
            Ok((room, length)) => {
                let headers = storage_wire::reply_headers!($ok, $crate::message::OK);
                $crate::message::send_blob(room, length, headers[0])
            }
            Err(error) => $reply.send_error(&error),
        }
    };
}

pub(crate) use {endpoint, endpoints};
