//! Arbitrary JSON for a client's options.
//!
//! What is accepted gives machines whose first requests go where the options say, by the reading of another URL parser.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::lines::secrets_of;
use crate::connection::ConnectionAction;
use crate::options::ClientOptions;
use crate::{Action, AuthMachine, Error, Now, Session, SessionAction};

const NOW: Now = Now::new(0, 1_700_000_000_000);

/// Reads the bytes as options. Panics where something does not hold.
pub fn options(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    let secrets = secrets_of(bytes);
    let made = ClientOptions::from_json(&json)
        .and_then(|options| Ok((AuthMachine::new(options.clone(), [7; 32], NOW)?, options)));
    let (machine, options) = match made {
        Ok(made) => made,
        Err(error) => return is_explained(&error, &secrets),
    };
    // A host that is a name by its characters but no name that can be is for whoever looks it up to refuse.
    let Ok(primary) = url::Url::parse(&format!("https://{}/", options.endpoint.primary_domain())) else { return };
    first_request(machine, &options, &primary);
    if let Ok(session) = Session::new(options.clone(), [7; 32], NOW) {
        first_socket(session, &options, &primary);
    }
}

fn is_explained(error: &Error, secrets: &[String]) {
    assert!(error.code() != 0 && error.status_code() != 0 && !error.message().is_empty(), "{error}");
    let text = format!("{error} {error:?}");
    let shown = secrets.iter().find(|secret| text.contains(secret.as_str()));
    assert!(shown.is_none(), "{shown:?} shows in {text}");
}

fn first_request(mut machine: AuthMachine, options: &ClientOptions, primary: &url::Url) {
    machine.request_token(None, None, NOW);
    let requests = core::iter::from_fn(|| machine.poll_action()).filter_map(|action| match action {
        Action::SendHttp { request, .. } => Some(request),
        _ => None,
    });
    for request in requests {
        let text = request.url.expose();
        if let Some(auth_url) = &options.auth.auth_url {
            // This parser knows more of what is no host.
            let Ok(expected) = url::Url::parse(auth_url.to_secret().expose()) else { return };
            let url = url::Url::parse(text).expect("params make no other URL of an authUrl");
            assert_eq!((url.host(), url.port(), url.path()), (expected.host(), expected.port(), expected.path()));
            continue;
        }
        let url = url::Url::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let scheme = if options.tls { "https" } else { "http" };
        assert_eq!((url.scheme(), url.host()), (scheme, primary.host()), "{text}");
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        match (segments.as_slice(), &options.auth.key) {
            (["time"], _) => {}
            (["keys", name, "requestToken"], Some(key)) => {
                let name = percent_encoding::percent_decode_str(name).decode_utf8();
                assert_eq!(name.as_deref(), Ok(key.name()), "the key's name is one segment");
            }
            _ => panic!("a token is not asked for at {text}"),
        }
    }
}

fn first_socket(mut session: Session, options: &ClientOptions, primary: &url::Url) {
    session.connect(NOW);
    let sockets = core::iter::from_fn(|| session.poll_action()).filter_map(|action| match action {
        SessionAction::Connection(ConnectionAction::OpenSocket { url, .. }) => Some(url),
        _ => None,
    });
    for socket in sockets {
        let url = url::Url::parse(socket.expose()).unwrap_or_else(|error| panic!("{error}: {}", socket.expose()));
        let scheme = if options.tls { "wss" } else { "ws" };
        assert_eq!((url.scheme(), url.host_str()), (scheme, primary.host_str()));
        let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        for (name, value) in &options.transport_params {
            let values: Vec<&str> = sent.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, [value.expose()], "a transport param is sent once, as it is");
        }
    }
}
