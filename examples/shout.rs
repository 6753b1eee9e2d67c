//! A server that shouts back. Try it: `cargo run --example shout`, then in a browser's console
//! `s = new WebSocket("ws://127.0.0.1:8888"); s.onmessage = m => console.log(m.data)`, and when it
//! is open `s.send("hi")`.

use std::error::Error;

use wigwag::apps::{Application, Context, Message};
use wigwag::server::{Config, Mount, Server};

struct Shout;

impl Application for Shout {
    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        context.reply(Message::Text(&text.to_uppercase()));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server =
        Server::bind(Config { mounts: vec![Mount::new("/", Shout)], ..Config::default() })?;
    println!("listening on ws://{}/", server.addresses()[0]);
    Ok(server.run()?)
}
