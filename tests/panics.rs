//! What a panic of an application does, over real sockets, and what the log says of it.

mod common;

use std::sync::{Mutex, mpsc};
use std::thread;

use common::{Client, PATIENCE};
use wigwag::apps::{Application, Context, Message};
use wigwag::protocol::Closure;
use wigwag::server::{Config, Mount, Server};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The panics that reached the hook that was there before the server was.
static BEHIND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what is logged.
struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Error {
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The line on which it panics.
const PANICS_AT: u32 = line!() + 12;

#[derive(Default)]
struct Fragile {
    closed: usize,
}

impl Application for Fragile {
    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        match text {
            "closed?" => context.reply(Message::Text(&self.closed.to_string())),
            text => {
                assert!(!text.starts_with("panic"), "{text}");
            }
        }
    }

    fn close(&mut self, _: &mut Context<'_>, _: &Closure) {
        self.closed += 1;
        assert_ne!(self.closed, 2, "in close");
    }
}

#[test]
fn it_ends_one_connection_and_one_line_says_where_it_happened() {
    log::set_logger(&Keeper).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        BEHIND.lock().unwrap().extend(info.payload_as_str().map(str::to_owned));
    }));
    for loops in [1, 2] {
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            mounts: vec![Mount::new("/", Fragile::default())],
            loops,
            ..Config::default()
        };
        let server = Server::bind(config).unwrap();
        let (address, handle) = (server.addresses()[0], server.handle());
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(server.run()));
        let mut calm = Client::open(address, "/");
        for round in 1..4 {
            let mut client = Client::open(address, "/");
            let own = client.stream.local_addr().unwrap();
            client.send_text("panic\nforged");
            client.expect_close(1011);
            // The application goes on, on whichever loop.
            calm.send_text("closed?");
            calm.expect_text(&round.to_string());
            let mut lines = std::mem::take(&mut *LINES.lock().unwrap());
            if round == 2 {
                assert!(lines.pop().unwrap().contains("in close"));
            }
            let place = format!("{}:{PANICS_AT}: panic\\u{{a}}forged", file!());
            assert_eq!(lines, [format!("{own} the application panicked at {place}")]);
        }
        handle.stop();
        calm.expect_close(1001);
        end.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    // A panic that is not an application's is none of the server's business.
    assert!(thread::spawn(|| panic!("of a stranger")).join().is_err());
    let behind = std::mem::take(&mut *BEHIND.lock().unwrap());
    assert_eq!(behind.last().unwrap(), "of a stranger");
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        assert_eq!(behind.len(), 1);
    }
}
