//! Minimal HTTP server for an agent: one request per connection.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Request.
pub(crate) struct Request {
    /// Path of the URL, with its leading slash.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Response.
pub(crate) enum Response {
    /// Status and body.
    Answer(u16, Vec<u8>),
    /// Closes the connection.
    Silence,
}

/// Reads one request and responds to it.
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
