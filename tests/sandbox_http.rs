//! The sandbox over real sockets.
#![cfg(feature = "sandbox")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::sandbox::{CredentialsKind, KeySpec, MAX_BODY, Sandbox};
use ably_auth::sign;
use ably_auth::wire::{TokenParams, TokenRequest};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const START: i64 = 1_700_000_000_000;

/// A client that trusts the sandbox alone and follows no redirect.
fn client(sandbox: &Sandbox) -> Client {
    client_builder(sandbox).build().unwrap()
}

fn client_builder(sandbox: &Sandbox) -> ClientBuilder {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(sandbox.root_certificate_der().to_vec())).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none())
}

async fn virtual_sandbox() -> Sandbox {
    Sandbox::builder().virtual_time(START).start().await.unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn with_json(request: RequestBuilder, body: &impl serde::Serialize) -> RequestBuilder {
    request.header("Content-Type", "application/json").body(serde_json::to_string(body).unwrap())
}

/// A token of the first key, asked for as a client does.
async fn request_token(sandbox: &Sandbox, client: &Client, params: &TokenParams, nonce: &str) -> Value {
    let key = sandbox.key();
    let request = sign::sign(key, params, sandbox.now(), nonce).unwrap();
    let url = sandbox.url(&format!("/keys/{}/requestToken", key.name()));
    json_of(with_json(client.post(url), &request).send().await.unwrap()).await
}

#[tokio::test]
async fn a_token_is_got_and_used_and_expires() {
    let sandbox = virtual_sandbox().await;
    let client = client(&sandbox);
    let details = request_token(&sandbox, &client, &TokenParams::default(), "0123456789abcdef").await;
    let token = details["token"].as_str().unwrap();
    assert_eq!(details["expires"], START + 3_600_000);

    let probe = || client.get(sandbox.url("/channels/a")).bearer_auth(token).send();
    assert_eq!(probe().await.unwrap().status(), 200);
    sandbox.advance(3_600_000);
    let answer = probe().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["x-ably-errorcode"], "40142");
    assert_eq!(answer.headers()["x-ably-errormessage"], "Token expired");
    assert!(answer.headers().contains_key("x-ably-serverid"));
    assert_eq!(json_of(answer).await["error"]["href"], "https://help.ably.io/error/40142");

    let log: Vec<_> =
        sandbox.requests().iter().map(|record| (record.credentials, record.status, record.code)).collect();
    let expected = [
        (CredentialsKind::Signature, 200, None),
        (CredentialsKind::Bearer, 200, None),
        (CredentialsKind::Bearer, 401, Some(40142)),
    ];
    assert_eq!(log, expected);
}

#[tokio::test]
async fn basic_auth_works_with_tls_and_not_without() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    let key = sandbox.key();
    let with_key = |url: String| client.get(url).basic_auth(key.name(), Some(key.secret())).send();
    assert_eq!(with_key(sandbox.secure_url("/channels/a")).await.unwrap().status(), 200);
    let answer = with_key(sandbox.url("/channels/a")).await.unwrap();
    assert_eq!(json_of(answer).await["error"]["code"], 40103);
}

#[tokio::test]
async fn localhost_is_in_the_certificate_too() {
    let sandbox = Sandbox::start().await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox.https_port()));
    let client = client_builder(&sandbox).resolve("localhost", address).build().unwrap();
    let url = format!("https://localhost:{}/time", sandbox.https_port());
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    assert!(sandbox.root_certificate_pem().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn a_revoked_token_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    let key = sandbox.revocable_key().unwrap();
    assert_eq!(key, &sandbox.keys()[4]);
    let token = sandbox.issue_token(&TokenRequest::new(key.name())).unwrap();
    let probe = || client.get(sandbox.secure_url("/channels/a")).bearer_auth(token.token.expose()).send();
    assert_eq!(probe().await.unwrap().status(), 200);

    let url = sandbox.secure_url(&format!("/keys/{}/revokeTokens", key.name()));
    let order = json!({ "targets": [format!("token:{}", token.token.expose())] });
    let request = client.post(url).basic_auth(key.name(), Some(key.secret())).header("X-Ably-Version", "6");
    let answer = with_json(request, &order).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(json_of(answer).await["successCount"], 1);
    assert_eq!(json_of(probe().await.unwrap()).await["error"]["code"], 40141);
}

#[tokio::test]
async fn options_point_a_client_at_the_sandbox() {
    let sandbox = Sandbox::start().await.unwrap();
    let ClientOptions { endpoint, port, tls_port, tls, auth, .. } = sandbox.options_with_key();
    assert_eq!(endpoint.primary_domain(), "127.0.0.1");
    assert_eq!((port, tls_port, tls), (Some(sandbox.http_port()), Some(sandbox.https_port()), true));
    assert_eq!(auth.key.as_ref(), Some(sandbox.key()));
    sandbox.options(AuthOptions::with_url(&sandbox.auth_url("details")).unwrap()).check().unwrap();
    assert!(sandbox.options_with_key().fallback_domains().is_empty());
}

#[tokio::test]
async fn a_sandbox_can_be_set_up_otherwise() {
    let key = "myApp1.key:my:secret".parse().unwrap();
    let own = KeySpec::with_capability(r#"{"mine":["*"]}"#);
    let sandbox =
        Sandbox::builder().seed([3; 32]).key(key, own).app([KeySpec::full().revocable()]).start().await.unwrap();
    assert_eq!((sandbox.key().name(), sandbox.app_id()), ("myApp1.key", "myApp1"));
    assert_eq!(sandbox.keys().len(), 2);
    assert_eq!(sandbox.revocable_key(), Some(&sandbox.keys()[1]));
    let bad = KeySpec::with_capability("nonsense");
    let error = Sandbox::builder().app([bad]).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(Sandbox::builder().app([]).start().await.is_err());
}

#[tokio::test]
async fn it_stops_when_told_and_when_dropped() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut open = TcpStream::connect(("127.0.0.1", sandbox.http_port())).await.unwrap();
    open.write_all(b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    open.read_u8().await.unwrap();
    sandbox.shutdown().await;
    let mut rest = Vec::new();
    let _ = open.read_to_end(&mut rest).await;

    let sandbox = Sandbox::start().await.unwrap();
    let mut open = TcpStream::connect(("127.0.0.1", sandbox.http_port())).await.unwrap();
    drop(sandbox);
    let _ = open.read_to_end(&mut rest).await;
}

mod auth_url {
    use super::*;

    #[tokio::test]
    async fn a_token_comes_in_every_form() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        for (answer, content_type) in
            [("token", "text/plain"), ("jwt", "application/jwt"), ("json-string", "application/json")]
        {
            let response = client.get(sandbox.auth_url(answer)).send().await.unwrap();
            assert_eq!(response.headers()["content-type"], content_type);
            assert!(!response.headers().contains_key("x-ably-serverid"), "an auth server is not Ably");
            let text = response.text().await.unwrap();
            let token = if answer == "json-string" { serde_json::from_str(&text).unwrap() } else { text };
            let probe = client.get(sandbox.url("/channels/a")).bearer_auth(token).send().await.unwrap();
            assert_eq!(probe.status(), 200, "{answer}");
        }
        let details = json_of(client.get(sandbox.auth_url("details")).send().await.unwrap()).await;
        assert_eq!(details["keyName"], sandbox.key().name());
        assert_eq!(sandbox.tokens().len(), 3, "a JWT is nothing to be remembered");

        let request = json_of(client.get(sandbox.auth_url("request")).send().await.unwrap()).await;
        let request = TokenRequest::from_json(&request).unwrap();
        sign::verify(sandbox.key(), &request).unwrap();
        let url = sandbox.url(&format!("/keys/{}/requestToken", request.key_name));
        assert_eq!(with_json(client.post(url), &request).send().await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn token_params_are_heeded_from_query_and_form() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let revocable = sandbox.keys()[4].name();
        let url = sandbox.auth_url(&format!("details?keyName={revocable}&ttl=5000&clientId=bob"));
        let details = json_of(client.get(&url).send().await.unwrap()).await;
        assert_eq!((&details["clientId"], &details["expires"]), (&json!("bob"), &json!(START + 5_000)));
        assert_eq!(details["keyName"], revocable);

        let form = "ttl=6000&capability=%7B%22a%22%3A%5B%22*%22%5D%7D";
        let posted = client.post(&url).header("Content-Type", "application/x-www-form-urlencoded").body(form);
        let details = json_of(posted.header("X-Mine", "secret").send().await.unwrap()).await;
        assert_eq!((&details["clientId"], &details["expires"]), (&json!("bob"), &json!(START + 6_000)));
        assert_eq!(details["capability"], r#"{"a":["*"]}"#);
        let record = sandbox.requests().pop().unwrap();
        assert_eq!(record.request.headers.find("x-mine"), Some("secret"));
        assert_eq!(record.request.body(), form.as_bytes());

        let refused = client.get(sandbox.auth_url("details?clientId=&ttl=-1")).send().await.unwrap();
        assert_eq!(refused.status(), 400);
    }

    #[tokio::test]
    async fn it_misbehaves_on_demand() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let get = |answer: &str| client.get(sandbox.auth_url(answer)).send();

        let html = get("html").await.unwrap();
        assert_eq!(html.headers()["content-type"], "text/html; charset=utf-8");
        let wrong = get("token?contentType=application/xml").await.unwrap();
        assert_eq!(wrong.headers()["content-type"], "application/xml");
        assert!(!get("token?contentType=").await.unwrap().headers().contains_key("content-type"));
        assert_eq!(get("body?body=%7Bbroken").await.unwrap().text().await.unwrap(), "{broken");
        assert_eq!(get("body?contentType=text/plain").await.unwrap().text().await.unwrap(), "");

        let error = get("error?status=403&code=40300&message=no").await.unwrap();
        assert_eq!(error.status(), 403);
        let expected = json!({ "code": 40300, "statusCode": 403, "message": "no",
            "href": "https://help.ably.io/error/40300" });
        assert_eq!(json_of(error).await["error"], expected);
        assert_eq!(get("html?status=500").await.unwrap().status(), 500);
        assert_eq!(get("nonsense").await.unwrap().status(), 404);
    }

    #[tokio::test]
    async fn redirects_keep_the_params_and_end() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let mut url = sandbox.auth_url("redirect?times=3&to=token&status=307&clientId=bob");
        for _ in 0..3 {
            let response = client.get(&url).send().await.unwrap();
            assert_eq!(response.status(), 307);
            url = sandbox.url(response.headers()["location"].to_str().unwrap());
        }
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(sandbox.tokens()[0].client_id.as_deref(), Some("bob"));
        assert_eq!(sandbox.tokens()[0].token.expose(), response.text().await.unwrap());

        let elsewhere = format!("redirect?to={}", sandbox.secure_auth_url("token"));
        let response = client.get(sandbox.auth_url(&elsewhere)).send().await.unwrap();
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(client.get(location).send().await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn a_body_may_drip() {
        let sandbox = virtual_sandbox().await;
        let mut response =
            client(&sandbox).get(sandbox.auth_url("token?delivery=drip&piece=7&every=1")).send().await.unwrap();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.unwrap() {
            body.extend_from_slice(&piece);
        }
        assert_eq!(body, sandbox.tokens()[0].token.expose().as_bytes());
    }

    #[tokio::test]
    async fn a_body_may_break_off() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        for after in ["", "&after=0", "&after=1000"] {
            let url = sandbox.auth_url(&format!("body?body=0123456789&delivery=cut{after}"));
            let mut response = client.get(url).send().await.unwrap();
            assert_eq!(response.content_length(), Some(10));
            let first = response.chunk().await;
            match after {
                "" => {
                    assert_eq!(first.unwrap().unwrap().as_ref(), b"01234");
                    response.chunk().await.expect_err("the connection is closed");
                }
                "&after=0" => assert!(first.is_err()),
                _ => assert_eq!(first.unwrap().unwrap().as_ref(), b"0123456789"),
            }
        }
    }

    #[tokio::test]
    async fn a_body_may_never_end() {
        let sandbox = virtual_sandbox().await;
        let mut response =
            client(&sandbox).get(sandbox.auth_url("body?body=abc&delivery=endless")).send().await.unwrap();
        let mut length = 0;
        while length < 1_000_000 {
            length += response.chunk().await.unwrap().unwrap().len();
        }
    }

    #[tokio::test]
    async fn an_answer_may_never_come() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let pending = tokio::spawn(client.get(sandbox.auth_url("token?delivery=never")).send());
        while sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.get(sandbox.url("/time")).send().await.unwrap().status(), 200, "others are served");
        assert!(!pending.is_finished());
        drop(sandbox);
        assert!(pending.await.unwrap().is_err());
    }
}

mod hostile {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_to_a_limit() {
        let sandbox = virtual_sandbox().await;
        let url = sandbox.url(&format!("/keys/{}/requestToken", sandbox.key().name()));
        let answer = client(&sandbox).post(url).body(vec![b'{'; MAX_BODY + 1]).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(json_of(answer).await["error"]["code"], 40009);
    }

    #[tokio::test]
    async fn nonsense_on_the_wire_does_no_harm() {
        let sandbox = virtual_sandbox().await;
        let port = sandbox.http_port();
        let endless_header = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 1 << 20]].concat();
        for nonsense in [
            &b"\x16\x03\x01 no HTTP at all\r\n\r\n"[..],
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /keys/a.b/requestToken HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\nAuthorization: \xff\r\n\r\n",
            &endless_header,
        ] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let _ = stream.write_all(nonsense).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        let mut no_tls = TcpStream::connect(("127.0.0.1", sandbox.https_port())).await.unwrap();
        no_tls.write_all(b"GET /time HTTP/1.1\r\n\r\n").await.unwrap();
        let _ = no_tls.read_to_end(&mut Vec::new()).await;
        let client = client(&sandbox);
        for url in [sandbox.url("/time"), sandbox.secure_url("/time")] {
            assert_eq!(client.get(url).send().await.unwrap().status(), 200);
        }
    }

    #[tokio::test]
    async fn many_at_once_are_served() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..200 {
            requests.spawn(client.get(sandbox.auth_url("token")).send());
        }
        while let Some(response) = requests.join_next().await {
            assert_eq!(response.unwrap().unwrap().status(), 200);
        }
        assert_eq!(sandbox.tokens().len(), 200);
    }
}

mod faults {
    use std::time::Duration;

    use ably_auth::sandbox::{Effect, Fault, Trigger};

    use super::*;

    #[tokio::test]
    async fn an_answer_may_be_lost_late_or_cut_off() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let inject = |effect| sandbox.inject(Fault::new(Trigger::path("/time"), effect)).unwrap();
        let time = || client.get(sandbox.url("/time")).send();

        inject(Effect::Drop);
        let mut stream = TcpStream::connect(("127.0.0.1", sandbox.http_port())).await.unwrap();
        stream.write_all(b"GET /time HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"");

        inject(Effect::Cut);
        assert!(time().await.unwrap().bytes().await.is_err());
        inject(Effect::Delay { milliseconds: 1 });
        inject(Effect::Malformed);
        let malformed = time().await.unwrap();
        assert_eq!((malformed.content_length(), malformed.status().as_u16()), (Some(7), 200));
        assert!(serde_json::from_slice::<Value>(&malformed.bytes().await.unwrap()).is_err());

        let id = inject(Effect::Status { status: 503 });
        assert_eq!(sandbox.faults().len(), 1);
        assert!(sandbox.remove_fault(id));
        inject(Effect::Status { status: 503 });
        sandbox.clear_faults();
        assert_eq!(time().await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn the_clock_is_moved_over_http() {
        let sandbox = virtual_sandbox().await;
        let client = client(&sandbox);
        let advance = with_json(client.post(sandbox.url("/__sandbox/clock")), &json!({ "advance": 5_000 }));
        assert_eq!(json_of(advance.send().await.unwrap()).await, json!({ "now": START + 5_000 }));
        assert_eq!(sandbox.now(), START + 5_000);
        assert_eq!(json_of(client.get(sandbox.url("/time")).send().await.unwrap()).await, json!([START + 5_000]));
    }

    #[tokio::test]
    async fn a_slow_network_delivers_all_the_same() {
        let sandbox = Sandbox::builder().latency(Duration::from_millis(5)).start().await.unwrap();
        let client = client(&sandbox);
        assert_eq!(client.get(sandbox.secure_url("/time")).send().await.unwrap().status(), 200);
    }
}
