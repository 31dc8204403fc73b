//! Traces as pictures: who says what to whom, one line below the other.
//!
//! What is drawn is what the file says, not what a replay of it would. No label has anything in it but names, numbers
//! and states; of URLs, host and path. So a picture shows no secret, also of a file that holds them.

mod drawing;
mod words;

use alloc::format;
use alloc::string::{String, ToString as _};

use serde_json::Value;

use self::drawing::{Arrow, Drawing, Who};
use self::words::{error, frame, moment, number, place, text};
use super::replay::read;
use super::{Header, Mode};
use crate::Error;

/// A trace file as a sequence diagram of Mermaid.
///
/// ```
/// let file = r#"{"trace": {"version": 1, "mode": "machine"}}
/// {"in": {"now": {"mono": 5, "unix": 0}, "time": {}}, "out": {"op": 1, "actions": []}}"#;
/// let drawn = ably_auth::trace::mermaid(file)?;
/// assert!(drawn.starts_with("sequenceDiagram\n"));
/// assert!(drawn.ends_with("App->>Auth: [5 ms] time (op 1)\n"));
/// # Ok::<(), ably_auth::Error>(())
/// ```
///
/// # Errors
///
/// 40000/400 where it is no such file.
pub fn mermaid(file: &str) -> Result<String, Error> {
    let (Header { mode, story, .. }, entries) = read(file)?;
    let mut drawing = Drawing::new(match mode {
        Mode::Machine => "AuthMachine",
        Mode::Realtime => "Session",
    });
    for entry in entries {
        let entry = entry?;
        let out = entry.out.unwrap_or_default();
        draw_input(&entry.input, &out, &mut drawing);
        for action in out["actions"].as_array().into_iter().flatten() {
            draw_action(action, &mut drawing);
        }
        drawing.timer = text(&out["timer"]).into();
    }
    Ok(drawing.finish(&story))
}

fn draw_input(input: &Value, out: &Value, drawing: &mut Drawing) {
    let kinds = input.as_object().into_iter().flatten().filter(|(name, _)| *name != "now");
    for (kind, members) in kinds {
        let at = moment(&input["now"]);
        let id = number(&members["id"]);
        let operation = out.get("op").map(|op| format!(" (op {op})")).unwrap_or_default();
        match kind.as_str() {
            "new" => drawing.note(&[Who::Auth], &format!("{at}new{}", sources(&members["options"]))),
            // Time has come for nothing, mostly because somebody else was there first.
            "timeout" if out["actions"].as_array().is_some_and(|actions| actions.is_empty()) => {}
            "timeout" => {
                let timer = drawing.timer.clone();
                drawing.note(&[Who::Auth], format!("{at}timeout {timer}").trim_end());
            }
            "request" => {
                let (method, path) = (text(&members["method"]), place(text(&members["path"])));
                drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &format!("{at}request {method} {path}{operation}"));
            }
            "httpResponse" => {
                let (from, code) = (drawing.asked(&id), error_code(members));
                let told = format!("{at}{}{code} (http {id})", number(&members["status"]));
                drawing.arrow(from, Arrow::Answers, Who::Auth, &told);
            }
            "httpFailed" => {
                let told = format!("{at}failed: {} (http {id})", text(&members["kind"]));
                drawing.arrow(drawing.asked(&id), Arrow::Fails, Who::Auth, &told);
            }
            "callbackResult" => {
                let form = ["token", "tokenDetails", "tokenRequest"].into_iter().find(|form| !members[form].is_null());
                let told = format!("{at}{} (callback {id})", form.unwrap_or("json"));
                drawing.arrow(Who::Callback, Arrow::Answers, Who::Auth, &told);
            }
            "callbackFailed" => {
                let told = format!("{at}failed{} (callback {id})", error(&members["error"]));
                drawing.arrow(Who::Callback, Arrow::Fails, Who::Auth, &told);
            }
            "tokenRejected" => {
                drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &format!("{at}{kind}{}", error(&members["error"])));
            }
            "connection" => {
                let update = if members["update"] == Value::Bool(true) { " (update)" } else { "" };
                let told = format!("{at}{}{update}{}", text(&members["state"]), error(&members["reason"]));
                drawing.arrow(Who::Connection, Arrow::Asks, Who::Auth, &told);
            }
            "reauthRequested" => drawing.arrow(Who::Connection, Arrow::Asks, Who::Auth, &format!("{at}AUTH")),
            "frame" => {
                let told = format!("{at}{} (socket {id})", frame(&members["message"], &members["text"]));
                drawing.arrow(Who::Connection, Arrow::Asks, Who::Auth, &told);
            }
            "socketOpened" => {
                drawing.arrow(Who::Connection, Arrow::Answers, Who::Auth, &format!("{at}open (socket {id})"));
            }
            "activity" => {
                drawing.arrow(Who::Connection, Arrow::Asks, Who::Auth, &format!("{at}activity (socket {id})"));
            }
            "socketClosed" => {
                let why = format!("{} {}", text(&members["kind"]), number(&members["status"]));
                let told = format!("{at}gone: {} (socket {id})", why.trim());
                drawing.arrow(Who::Connection, Arrow::Fails, Who::Auth, &told);
            }
            "send" => {
                let told = format!("{at}send {}", frame(&members["message"], &Value::Null));
                drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &told);
            }
            "network" => {
                let way = if members["up"] == Value::Bool(true) { "up" } else { "down" };
                drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &format!("{at}network {way}"));
            }
            "cancel" => {
                let told = format!("{at}cancel op {}{operation}", number(&members["op"]));
                drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &told);
            }
            _ => drawing.arrow(Who::App, Arrow::Asks, Who::Auth, &format!("{at}{kind}{operation}")),
        }
    }
    if let Some(refusal) = out.get("error") {
        drawing.arrow(Who::Auth, Arrow::Fails, Who::App, &format!("refused{}", error(refusal)));
    }
}

fn draw_action(action: &Value, drawing: &mut Drawing) {
    for (name, members) in action.as_object().into_iter().flatten() {
        let id = number(&members["id"]);
        match name.as_str() {
            "sendHttp" => {
                let request = &members["request"];
                let told = format!("{} {} (http {id})", text(&request["method"]), place(text(&request["url"])));
                let to = asked_by(request);
                drawing.ask(&id, to);
                drawing.arrow(Who::Auth, Arrow::Asks, to, &told);
            }
            "abortHttp" => drawing.arrow(Who::Auth, Arrow::Aborts, drawing.asked(&id), &format!("give up http {id}")),
            "invokeCallback" => {
                let told = format!("{} (callback {id})", text(&members["callback"]));
                drawing.arrow(Who::Auth, Arrow::Asks, Who::Callback, &told);
            }
            "upgradeConnection" => drawing.arrow(Who::Auth, Arrow::Asks, Who::Connection, "use another token"),
            "openConnection" => drawing.arrow(Who::Auth, Arrow::Asks, Who::Connection, "open"),
            "haltConnection" => drawing.arrow(Who::Auth, Arrow::Aborts, Who::Connection, "halt the attempt"),
            "dropConnection" | "failConnection" => {
                let told = format!("{}{}", name.trim_end_matches("Connection"), error(&members["reason"]));
                drawing.arrow(Who::Auth, Arrow::Aborts, Who::Connection, &told);
            }
            "tokenChanged" => {
                let is_none = members["tokenDetails"].is_null();
                drawing.note(&[Who::Auth], if is_none { "no token" } else { "another token" });
            }
            "notice" => drawing.note(
                &[Who::Auth],
                &format!("{}: {}{}", text(&members["level"]), text(&members["kind"]), error(&members["error"])),
            ),
            "complete" => {
                let (op, failure) = (number(&members["op"]), members.get("error"));
                let arrow = if failure.is_some() { Arrow::Fails } else { Arrow::Answers };
                let how = failure.map_or_else(|| "done".to_string(), |failure| format!("failed{}", error(failure)));
                drawing.arrow(Who::Auth, arrow, Who::App, &format!("op {op} {how}"));
            }
            "openSocket" => {
                let url = text(&members["url"]);
                let goes_on = ["resume", "recover"].into_iter().find(|name| url.contains(&format!("&{name}=")));
                let how = goes_on.unwrap_or("open");
                drawing.arrow(Who::Auth, Arrow::Asks, Who::Connection, &format!("{how} {} (socket {id})", place(url)));
            }
            "sendFrame" => {
                let told = format!("{} (socket {id})", frame(&members["message"], &Value::Null));
                drawing.arrow(Who::Auth, Arrow::Asks, Who::Connection, &told);
            }
            "closeSocket" => drawing.arrow(Who::Auth, Arrow::Aborts, Who::Connection, &format!("close socket {id}")),
            "connectionStateChange" => {
                let is_update = text(&members["event"]) == "update";
                let was = if is_update { "still".into() } else { format!("was {}", text(&members["previous"])) };
                let change = format!("{} ({was})", text(&members["current"]));
                let retry = members.get("retryIn").map(|wait| format!(", next try in {wait} ms")).unwrap_or_default();
                let told = format!("{change}{}{retry}", error(&members["reason"]));
                drawing.note(&[Who::Auth, Who::Connection], &told);
            }
            "frameReceived" => {
                drawing.arrow(Who::Auth, Arrow::Asks, Who::App, &frame(&members["message"], &Value::Null));
            }
            _ => drawing.note(&[Who::Auth], name),
        }
    }
}

/// Whom a request goes to, as its form tells.
fn asked_by(request: &Value) -> Who {
    let headers = request["headers"].as_array();
    let mut names = headers.into_iter().flatten().map(|header| text(&header[0]).to_ascii_lowercase());
    match headers.is_none_or(|headers| headers.is_empty()) {
        true => Who::Internet,
        false if names.any(|name| name == "x-ably-version") => Who::Ably,
        false => Who::AuthUrl,
    }
}

/// The names of the options that say how to authenticate.
fn sources(options: &Value) -> String {
    let names = ["key", "token", "tokenDetails", "authCallback", "authUrl"];
    let given = names.into_iter().filter(|name| !options[name].is_null());
    given.map(|name| format!(" {name}")).collect()
}

/// The error that a response says it is.
fn error_code(response: &Value) -> String {
    let body: Value = serde_json::from_str(text(&response["body"])).unwrap_or_default();
    error(&body["error"])
}
