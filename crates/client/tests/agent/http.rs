//! As much of an HTTP server as an agent needs: one request per connection.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// What was asked.
pub(crate) struct Request {
    /// The path of the URL, with the slash that it starts with.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) enum Response {
    /// A status and a body.
    Answer(u16, Vec<u8>),
    /// The connection ends.
    Silence,
}

/// Reads one request and answers it.
pub(crate) async fn serve(stream: TcpStream, answer: impl FnOnce(Request) -> Response) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let Response::Answer(status, body) = answer(Request { path, body }) else { return Ok(()) };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/cbor\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
