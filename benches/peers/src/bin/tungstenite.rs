//! tokio-tungstenite as an echo server, the way its users write one.
//!
//! The stream is forwarded into the sink, which flushes only when no further message is ready, so
//! several messages of one read leave in one write. The configuration is the library's default,
//! apart from the size of the read buffer, if one is given as an argument: the library fills the
//! rest of the buffer with zeros before each read, which with its default of 128 KiB costs more
//! than all else that it does for a small message.
//! The runtime is tokio's current-thread one: the comparison gives every server one core, and on
//! one core the work-stealing runtime only adds to the cost.

use std::io;

use futures_util::{StreamExt, TryStreamExt, future};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::{Error, protocol::WebSocketConfig};

fn main() -> io::Result<()> {
    let mut config = WebSocketConfig::default();
    if let Some(size) = std::env::args().nth(1) {
        let size = size
            .parse()
            .map_err(|_| io::Error::other(format!("no buffer size: {size}")))?;
        config = config.read_buffer_size(size);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(config))
}

async fn serve(config: WebSocketConfig) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = echo(stream, config).await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

async fn echo(stream: TcpStream, config: WebSocketConfig) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let (sink, messages) = accept_async_with_config(stream, Some(config))
        .await?
        .split();
    messages
        .try_filter(|message| future::ready(message.is_text() || message.is_binary()))
        .forward(sink)
        .await
}
