//! Replica with configured replies.

use std::sync::{Arc, Mutex};

use ic_agent::agent::{Envelope, EnvelopeContent, RejectResponse};
use ic_transport_types::{ReadStateResponse, RequestId, TransportCallResponse};
use serde::Serialize;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::certificates::{Keys, Outcome, unsigned};
use crate::http::{Request, Response, serve};

/// Behaviour of the replica.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Correct: an update has a certificate, a query a signature.
    AtOnce,
    /// An update is accepted, and its outcome is available after this many polls.
    Later(usize),
    /// With the certificate or the signature of another network.
    Forged,
    /// A query has no signature.
    Unsigned,
    /// The update is rejected before it is executed, without a certificate.
    Refused(RejectResponse),
    /// Responds with this HTTP status.
    Status(u16),
    /// Closes the connection.
    Silence,
}

/// Received message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) path: String,
    pub(crate) envelope: Envelope<'static>,
}

struct State {
    keys: Keys,
    other_keys: Keys,
    behaviour: Behaviour,
    outcome: Outcome,
    messages: Mutex<Vec<Message>>,
}

/// Replica that runs until it is dropped.
pub(crate) struct Replica {
    pub(crate) url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Replica {
    /// Starts a replica at which every call has this outcome.
    pub(crate) async fn start(behaviour: Behaviour, outcome: Outcome) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (keys, other_keys) = (Keys::new(1), Keys::new(2));
        let state = Arc::new(State { keys, other_keys, behaviour, outcome, messages: Mutex::default() });
        let server = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { url, state, server }
    }

    /// Returns the messages received at paths with this suffix.
    pub(crate) fn messages(&self, end: &str) -> Vec<Message> {
        let messages = self.state.messages.lock().unwrap();
        messages.iter().filter(|message| message.path.ends_with(end)).cloned().collect()
    }

    /// Stops listening, and returns when the port is closed.
    pub(crate) async fn stop(self) -> String {
        self.server.abort();
        assert!(self.server.await.unwrap_err().is_cancelled());
        self.url
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        // An agent that closes a connection is not an error of the replica.
        tokio::spawn(async move { drop(serve(stream, |request| state.answer(request)).await) });
    }
}

impl State {
    fn answer(&self, request: Request) -> Response {
        if request.path == "/api/v2/status" {
            return self.status();
        }
        let envelope: Envelope<'static> = serde_cbor::from_slice(&request.body).unwrap();
        let content = envelope.content.clone().into_owned();
        self.messages.lock().unwrap().push(Message { path: request.path, envelope });
        match (&content, &self.behaviour) {
            (EnvelopeContent::ReadState { paths, .. }, _) => self.read_state(paths),
            (_, Behaviour::Status(status)) => Response::Answer(*status, b"no".to_vec()),
            (_, Behaviour::Silence) => Response::Silence,
            (EnvelopeContent::Query { .. }, _) => self.query(content.to_request_id()),
            (EnvelopeContent::Call { .. }, _) => self.call(content.to_request_id()),
        }
    }

    fn status(&self) -> Response {
        #[derive(Serialize)]
        struct Status {
            root_key: serde_bytes::ByteBuf,
        }
        cbor(200, &Status { root_key: self.keys.root_key().into() })
    }

    fn query(&self, request: RequestId) -> Response {
        let response = match self.behaviour {
            Behaviour::Forged => {
                // The correct node with the signature of another one.
                let mut forged =
                    serde_cbor::value::to_value(self.keys.sign_query(request, &self.outcome)).unwrap();
                let other = self.other_keys.sign_query(request, &self.outcome);
                replace_signature(&mut forged, &other.signatures()[0].signature);
                return cbor(200, &forged);
            }
            Behaviour::Unsigned => unsigned(&self.outcome),
            _ => self.keys.sign_query(request, &self.outcome),
        };
        cbor(200, &response)
    }

    fn call(&self, request: RequestId) -> Response {
        let response = match &self.behaviour {
            Behaviour::Later(_) => return Response::Answer(202, Vec::new()),
            Behaviour::Refused(reject) => TransportCallResponse::NonReplicatedRejection(reject.clone()),
            Behaviour::Forged => TransportCallResponse::Replied {
                certificate: self.other_keys.certify_outcome(request, &self.outcome),
            },
            _ => TransportCallResponse::Replied {
                certificate: self.keys.certify_outcome(request, &self.outcome),
            },
        };
        cbor(200, &response)
    }

    /// Returns the subnet, or the outcome of a request.
    fn read_state(&self, paths: &[Vec<ic_agent::hash_tree::Label<Vec<u8>>>]) -> Response {
        let certificate = match paths[0].as_slice() {
            [_] => self.keys.certify_subnet(),
            [_, request, ..] => {
                let asked = self.messages.lock().unwrap();
                let asked = asked.iter().filter(|message| message.path.ends_with("/read_state")).count();
                if let Behaviour::Later(unheard) = self.behaviour
                    && asked <= unheard
                {
                    return Response::Silence;
                }
                let id: [u8; 32] = request.as_bytes().try_into().unwrap();
                self.keys.certify_outcome(RequestId::new(&id), &self.outcome)
            }
            [] => panic!("an agent asks for something"),
        };
        cbor(200, &ReadStateResponse { certificate })
    }
}

fn replace_signature(response: &mut serde_cbor::Value, signature: &[u8]) {
    use serde_cbor::Value::{Array, Bytes, Map, Text};
    let field = |name: &str| Text(name.to_owned());
    let Map(fields) = response else { panic!("a response is a map") };
    let Some(Array(signatures)) = fields.get_mut(&field("signatures")) else { panic!("it has signatures") };
    let Map(first) = &mut signatures[0] else { panic!("a signature is a map") };
    first.insert(field("signature"), Bytes(signature.to_vec()));
}

fn cbor(status: u16, value: &impl Serialize) -> Response {
    Response::Answer(status, serde_cbor::to_vec(value).unwrap())
}
