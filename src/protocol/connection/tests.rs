use super::*;

#[test]
fn an_idle_connection_is_small() {
    assert!(
        size_of::<Connection>() <= 200,
        "{} bytes",
        size_of::<Connection>()
    );
}

#[test]
fn a_masked_hello_is_delivered_and_its_echo_is_queued() {
    let now = Instant::now();
    let mut connection = Connection::server(Arc::new(Limits::default()), now);
    let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let mut input = &mut input[..];
    let (event, outbox) = connection.receive(now, &mut input).unwrap();
    assert_eq!(event, Event::Text("Hello"));
    outbox.text("Hello").unwrap();
    assert!(connection.receive(now, &mut input).is_none());
    assert_eq!(connection.pending_output(), b"\x81\x05Hello");
}
