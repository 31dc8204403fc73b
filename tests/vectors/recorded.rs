//! What the recordings hold, as this crate takes it.

use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpResponse};
use ably_auth::options::AuthOptions;
use ably_auth::wire::{Secret, TokenParams};
use ably_auth::{
    AuthMachine, CallbackId, CallbackValue, Error, Event, HttpId, Now, OpaqueJson, OperationId, RestRequest,
};
use serde_json::{Value, json};

use crate::vectors::text;

/// The names by which the recordings call the servers.
pub(super) const AUTH_SERVER: &str = "auth.test";
pub(super) const ABLY_SERVER: &str = "ably.test";

/// The options of a scenario's client.
pub(super) fn client_options(base_options: &Value, scenario: &Value, tls: bool) -> Value {
    let mut options = base_options.clone();
    let members = options.as_object_mut().expect("options");
    members.extend(scenario["options"].as_object().expect("options").clone());
    members.remove("useBinaryProtocol");
    members.remove("port");
    if text(base_options, "endpoint").starts_with('<') {
        members.insert("endpoint".to_owned(), ABLY_SERVER.into());
    }
    if let Some(callback) = members.get_mut("authCallback") {
        *callback = true.into();
    }
    members.insert("tls".to_owned(), tls.into());
    options
}

/// Makes a call of ably-js ours.
///
/// # Errors
///
/// That of its token params or auth options.
pub(super) fn call(machine: &mut AuthMachine, name: &str, args: &Value, now: Now) -> Result<OperationId, Error> {
    let arg = |index: usize| args.get(index).filter(|arg| !arg.is_null());
    let params = || arg(0).map(TokenParams::from_json).transpose();
    let options = || arg(1).map(AuthOptions::from_json).transpose();
    let get = |path| RestRequest::new("GET", path);
    Ok(match name {
        "authorize" => machine.authorize(params()?, options()?, now),
        "requestToken" => machine.request_token(params()?, options()?, now),
        "createTokenRequest" => machine.create_token_request(params()?, options()?, now),
        "time" => machine.time(now),
        "stats" => machine.request(get("/stats"), now),
        "history" => machine.request(get("/channels/x/messages"), now),
        "request" => machine.request(rest_request(args), now),
        "revokeTokens" => {
            let mut revocation = arg(1).cloned().unwrap_or_else(|| json!({}));
            revocation["targets"] = args[0].clone();
            machine.revoke_tokens(serde_json::from_value(revocation).expect("a revocation"), now)
        }
        other => panic!("no such call: {other}"),
    })
}

/// `request(method, path, version, params, body, headers)`.
fn rest_request(args: &Value) -> RestRequest {
    let mut request =
        RestRequest::new(args[0].as_str().expect("a method").to_uppercase(), args[1].as_str().expect("a path"));
    request.version = args[2].as_u64().and_then(|version| version.try_into().ok()).expect("a version");
    let pairs = |index: usize| {
        let object = args[index].as_object().cloned().unwrap_or_default();
        object.into_iter().map(|(name, value)| (name, Secret::from(value.as_str().expect("a text"))))
    };
    request.params = pairs(3).collect();
    request.body = args.get(4).filter(|body| !body.is_null()).map(|body| body.to_string().into());
    request.headers = pairs(5).collect();
    request
}

/// What comes of an HTTP request, if anything ever does.
pub(super) fn http_event(id: HttpId, response: &Value) -> Option<Event> {
    if response["neverAnswered"] == true {
        None
    } else if response["socketDestroyed"] == true {
        Some(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Closed) })
    } else {
        Some(Event::HttpResponse { id, response: http_response(response) })
    }
}

fn http_response(response: &Value) -> HttpResponse {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let headers: Headers = match &response["headers"] {
        // Names and values by turns, where a name comes twice.
        Value::Array(raw) => raw.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        map => map.as_object().expect("headers").iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    };
    HttpResponse::new(response["status"].as_u64().expect("a status") as u16, headers, text(&response["body"]))
}

/// What comes of a callback, if anything ever does.
pub(super) fn callback_event(id: CallbackId, script: &Value) -> Option<Event> {
    let failure = script.get("errors").or_else(|| script.get("throws"));
    match (script.get("returns"), failure) {
        (Some(value), _) => Some(Event::CallbackResult { id, value: CallbackValue::Json(OpaqueJson(value.clone())) }),
        (None, Some(error)) => Some(Event::CallbackFailed { id, error: callback_error(error) }),
        (None, None) => None,
    }
}

/// What a callback failed with: an ErrorInfo, an Error, any object, or a value.
fn callback_error(error: &Value) -> Error {
    let info = match error {
        Value::Object(object) => match (object.get("$errorInfo"), object.get("$jsError")) {
            (Some(info), _) => info.clone(),
            (None, Some(message)) => {
                let mut info = object.get("props").cloned().unwrap_or_else(|| json!({}));
                info["message"] = message.clone();
                info
            }
            (None, None) => error.clone(),
        },
        value => json!({ "message": value.to_string() }),
    };
    serde_json::from_value(info).expect("an error")
}

/// What a call led to: a value, or an error as [`error_label`] has it.
pub(super) fn outcome(recorded: &Value) -> Result<&Value, String> {
    match recorded.get("error") {
        Some(error) => Err(error_label(error)),
        None => Ok(&recorded["ok"]),
    }
}

/// Code and status of an ErrorInfo, else the name of JavaScript's error.
pub(super) fn error_label(error: &Value) -> String {
    if error["name"] == "ErrorInfo" {
        format!("{}/{}", error["code"], error["statusCode"])
    } else {
        text(error, "name").to_owned()
    }
}
