//! MessagePack beside JSON.

use super::*;

/// An object of as many members, its contents to follow.
fn map(members: u8) -> Vec<u8> {
    vec![0x80 | members]
}

fn text(text: &str) -> Vec<u8> {
    [&[0xa0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn binary(bytes: &[u8]) -> Vec<u8> {
    [&[0xc4, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn read(bytes: &[u8]) -> Option<Value> {
    Format::MessagePack.read(bytes)
}

#[test]
fn values_are_the_same_in_both_formats() {
    let value = json!({
        "text": "caf\u{e9}", "list": [null, true, false, 0, -1, 1.5, u64::MAX, i64::MIN, NOW],
        "nested": { "data": "plain", "encoding": "json" }, "long": "x".repeat(70_000),
    });
    for format in [Format::Json, Format::MessagePack] {
        assert_eq!(format.read(&format.write(&value)).unwrap(), value);
    }
}

#[test]
fn binary_data_of_a_message_is_base64_within() {
    let message = [map(1), text("data"), binary(b"\x00\xff")].concat();
    let inside = json!({ "data": "AP8=", "encoding": "base64" });
    assert_eq!(read(&message).unwrap(), inside);
    assert_eq!(Format::MessagePack.write(&inside), message, "and binary again on its way out");

    let encrypted = [map(2), text("data"), binary(b"\x00\xff"), text("encoding"), text("cipher+aes-128-cbc")].concat();
    let inside = json!({ "data": "AP8=", "encoding": "cipher+aes-128-cbc/base64" });
    assert_eq!(read(&encrypted).unwrap(), inside);
    assert_eq!(Format::MessagePack.write(&inside), encrypted);
    let encoding_first = [map(2), text("encoding"), text("utf-8"), text("data"), binary(b"\x00\xff")].concat();
    assert_eq!(read(&encoding_first).unwrap(), json!({ "data": "AP8=", "encoding": "utf-8/base64" }));
}

#[test]
fn what_only_says_that_it_is_base64_stays_as_it_is() {
    for value in [
        json!({ "data": "no base64!", "encoding": "base64" }),
        json!({ "data": { "a": 1 }, "encoding": "base64" }),
        json!({ "data": "AP8=", "encoding": "base64/json" }),
        json!({ "encoding": "base64" }),
        json!({ "data": "AP8=" }),
    ] {
        assert_eq!(read(&Format::MessagePack.write(&value)).unwrap(), value);
    }
    assert_eq!(read(&[vec![0x91], binary(b"\x00\xff")].concat()).unwrap(), json!(["AP8="]));
}

#[test]
fn hostile_bytes_are_refused() {
    let deep = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(read(&deep(100)).is_some());
    assert!(read(&deep(1_000_000)).is_none());
    let maps: Vec<u8> = [0x81, 0xa1, b'a'].repeat(500_000);
    assert!(read(&maps).is_none());
    for bytes in [
        &b""[..],
        b"\xdd\xff\xff\xff\xff",         // an array of four thousand million
        b"\xdd\xff\xff\xff\xff\xc0\xc0", // of which two come
        b"\xdf\xff\xff\xff\xff",         // as large a map
        b"\xc6\xff\xff\xff\xff\x00",     // binary data
        b"\xdb\xff\xff\xff\xffa",        // text
        b"\xc7\x01\x05\x00",             // an extension
        b"\xc9\xff\xff\xff\xff\x05",     // a large one
        b"\xc1",                         // what is never used
        b"\x81\x01\x02",                 // a name that is no text
        b"\xc0\xc0",                     // two values
    ] {
        assert_eq!(read(bytes), None, "{bytes:?}");
    }
    assert_eq!(read(b"\xcb\x7f\xf8\0\0\0\0\0\0"), Some(Value::Null), "what is no number in JSON");
}

#[test]
fn answers_come_in_the_format_that_is_accepted() {
    let mut world = World::new();
    for (accept, expected) in [
        ("application/x-msgpack", Format::MessagePack),
        ("application/x-msgpack,application/json", Format::MessagePack),
        ("text/html, Application/X-Msgpack;q=0.5", Format::MessagePack),
        ("application/json", Format::Json),
        ("application/json,application/x-msgpack", Format::Json),
        ("*/*", Format::Json),
    ] {
        let request = Request::new("GET", "/time").with_header("Accept", accept);
        let reply = world.service.handle(&request, NOW);
        assert_eq!(reply.response.headers.find("content-type"), Some(expected.media_type()));
        assert_eq!(expected.read(reply.response.body()), Some(json!([NOW])));
    }
    let request = Request::new("GET", "/channels/a").with_header("Accept", "application/x-msgpack");
    let reply = world.service.handle(&request, NOW);
    assert_eq!(reply.response.headers.find("x-ably-errorcode"), Some("40101"));
    let body = Format::MessagePack.read(reply.response.body()).unwrap();
    assert_eq!(body["error"]["code"], 40101);
}

#[test]
fn bodies_can_be_messagepack() {
    let mut world = World::new();
    let wanted = world.signed(0, &params(json!({ "clientId": "bob" })));
    let path = format!("/keys/{}/requestToken", world.keys[0].name());
    let request = |content_type: &str, body: Vec<u8>| {
        Request::new("POST", &path).with_header("Content-Type", content_type).with_body(body)
    };
    let packed = Format::MessagePack.write(&wanted);
    assert_eq!(world.send(&request("application/x-msgpack", packed.clone())).body["clientId"], "bob");
    assert_eq!(world.send(&request("application/json", packed)).error(), (40001, 400));
    assert_eq!(world.send(&request("application/x-msgpack", wanted.to_string().into())).error(), (40001, 400));
    assert_eq!(world.send(&request("application/x-msgpack", vec![0xc0])).error(), (40001, 400));
}
