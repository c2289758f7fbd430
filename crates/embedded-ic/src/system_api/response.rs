//! Replies and rejects.

use super::heap_bytes::slice;
use super::kind::{HAS_REPLY, NOWHERE};
use super::{Kind, Message};
use crate::fault::Fault;

/// Response of the canister so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// Not final: the bytes appended so far.
    Open(Vec<u8>),
    /// `msg_reply` was called.
    Reply(Vec<u8>),
    /// `msg_reject` was called.
    Reject(String),
}

impl Response {
    /// Returns the bytes of the reply, or the fault of a canister that rejected the message or did not reply.
    pub(crate) fn reply(self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Reply(bytes) => Ok(bytes),
            Self::Reject(text) => Err(Fault::Rejected(text)),
            Self::Open(_) => Err(Fault::DidNotReply),
        }
    }
}

impl Message {
    pub(super) fn msg_reply_data_append(&mut self, heap: &[u8], src: u32, len: u32) -> Result<(), Fault> {
        self.kind.allows("msg_reply_data_append", HAS_REPLY)?;
        let limit = self.reply_limit();
        let Response::Open(bytes) = &mut self.response else {
            return Err(already_replied("msg_reply_data_append"));
        };
        check_size("msg_reply_data_append", bytes.len() as u64 + u64::from(len), limit)?;
        bytes.extend_from_slice(slice("ic0.msg_reply_data_append", src, len, heap)?);
        Ok(())
    }

    pub(super) fn msg_reply(&mut self) -> Result<(), Fault> {
        self.kind.allows("msg_reply", HAS_REPLY)?;
        match &mut self.response {
            Response::Open(bytes) => {
                self.response = Response::Reply(std::mem::take(bytes));
                Ok(())
            }
            _ => Err(already_replied("msg_reply")),
        }
    }

    pub(super) fn msg_reject(&mut self, heap: &[u8], src: u32, len: u32) -> Result<(), Fault> {
        self.kind.allows("msg_reject", HAS_REPLY)?;
        if !matches!(self.response, Response::Open(_)) {
            return Err(already_replied("msg_reject"));
        }
        check_size("msg_reject", u64::from(len), self.reply_limit())?;
        let text = std::str::from_utf8(slice("ic0.msg_reject", src, len, heap)?)
            .map_err(|_| Fault::Contract("ic0.msg_reject: invalid UTF-8 string provided".into()))?;
        self.response = Response::Reject(text.to_owned());
        Ok(())
    }

    /// Rejects functions that only callbacks may use.
    pub(super) fn callback_only(&self, function: &str) -> Result<(), Fault> {
        self.kind.allows(function, NOWHERE)
    }

    fn reply_limit(&self) -> u64 {
        match self.kind {
            Kind::Query | Kind::CompositeQuery => self.limits.query_reply_bytes,
            _ => self.limits.update_reply_bytes,
        }
    }
}

fn already_replied(function: &str) -> Fault {
    Fault::Contract(format!("ic0.{function}: the call is already replied"))
}

fn check_size(function: &str, size: u64, limit: u64) -> Result<(), Fault> {
    if size > limit {
        return Err(Fault::Contract(format!(
            "ic0.{function}: application payload size ({size}) cannot be larger than {limit}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::message::test_message;
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_reply_is_what_was_appended() {
        let mut message = test_message(Kind::Update);
        message.msg_reply_data_append(b"hello", 0, 2).unwrap();
        message.msg_reply_data_append(b"hello", 2, 3).unwrap();
        message.msg_reply().unwrap();
        assert_eq!(message.response, Response::Reply(b"hello".to_vec()));
        for fault in [
            message.msg_reply().unwrap_err(),
            message.msg_reject(b"", 0, 0).unwrap_err(),
            message.msg_reply_data_append(b"", 0, 0).unwrap_err(),
        ] {
            assert!(fault.to_string().ends_with("the call is already replied"), "{fault}");
        }
    }

    #[test]
    fn replies_have_a_limit_for_each_kind() {
        let limits = Limits { update_reply_bytes: 4, query_reply_bytes: 6, ..Limits::default() };
        for (kind, limit) in
            [(Kind::Update, 4), (Kind::ReplicatedQuery, 4), (Kind::Query, 6), (Kind::CompositeQuery, 6)]
        {
            let mut message = test_message(kind);
            message.limits = limits.clone().into();
            message.msg_reply_data_append(&[0; 8], 0, limit).unwrap();
            message.msg_reply_data_append(&[0; 8], 0, 0).unwrap();
            let fault = message.msg_reply_data_append(&[0; 8], 0, 1).unwrap_err();
            assert_eq!(
                fault.to_string(),
                format!(
                    "Canister violated contract: ic0.msg_reply_data_append: application payload size ({}) cannot be \
                     larger than {limit}",
                    limit + 1
                )
            );
        }
    }

    #[test]
    fn reject_must_be_text() {
        let mut message = test_message(Kind::Query);
        assert!(message.msg_reject(&[0xff], 0, 1).unwrap_err().to_string().contains("invalid UTF-8"));
        message.msg_reject(b"no thanks", 0, 2).unwrap();
        assert_eq!(message.response, Response::Reject("no".into()));
    }

    #[test]
    fn inspection_cannot_reply() {
        let mut message = test_message(Kind::Inspect);
        assert!(message.msg_reply().unwrap_err().to_string().contains("inspect message mode"));
        assert!(message.callback_only("msg_reject_code").is_err());
    }
}
