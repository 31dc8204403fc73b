//! Traces as sequence diagrams.

use std::fs;
use std::path::Path;

use ably_auth::trace::mermaid;

const PARTICIPANTS: [&str; 7] = ["App", "Auth", "Callback", "AuthUrl", "Ably", "Internet", "Connection"];
const ARROWS: [&str; 4] = ["-->>", "->>", "--x", "-x"];

/// As much of Mermaid's grammar as a diagram uses. Its own parser takes the diagrams of all scenarios.
fn check_syntax(diagram: &str) {
    let mut lines = diagram.lines();
    assert_eq!(lines.next(), Some("sequenceDiagram"));
    let mut declared = Vec::new();
    for line in lines {
        let line = line.strip_prefix("    ").unwrap_or_else(|| panic!("not indented: {line}"));
        let is_fine = if let Some(title) = line.strip_prefix("title ") {
            declared.is_empty() && is_label(title)
        } else if let Some(participant) = line.strip_prefix("participant ") {
            let (id, name) = participant.split_once(" as ").expect("a name");
            declared.push(id);
            PARTICIPANTS.contains(&id) && is_label(name)
        } else if let Some(note) = line.strip_prefix("Note over ") {
            let (over, label) = note.split_once(": ").expect("a label");
            over.split(',').all(|who| declared.contains(&who)) && is_label(label)
        } else {
            let (between, label) = line.split_once(": ").expect("a label");
            let arrow = ARROWS.into_iter().find(|arrow| between.contains(arrow)).expect("an arrow");
            let (from, to) = between.split_once(arrow).expect("two ends");
            declared.contains(&from) && declared.contains(&to) && is_label(label)
        };
        assert!(is_fine, "{line}\nin\n{diagram}");
    }
}

/// Text without anything that means something: a character that might is written as `#` number `;`.
fn is_label(text: &str) -> bool {
    let mut pieces = text.split('#');
    let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " .,:/_-()[]='+@*?!".contains(c));
    let is_escape = |piece: &str| {
        let (number, rest) = piece.split_once(';')?;
        (number.parse::<u32>().is_ok() && is_plain(rest)).then_some(())
    };
    !text.trim().is_empty()
        && pieces.next().is_none_or(is_plain)
        && pieces.map(is_escape).collect::<Option<Vec<()>>>().is_some()
}

#[test]
fn every_scenario_is_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut drawn = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
        let diagram = mermaid(&fs::read_to_string(&path).expect("a file")).expect("a trace");
        check_syntax(&diagram);
        assert!(diagram.lines().count() > 6, "{}:\n{diagram}", path.display());
        drawn += 1;
    }
    assert!(drawn > 30, "{drawn}");
}

#[test]
fn a_token_that_is_rejected_is_replaced() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/rejected-token-renewed-once.jsonl");
    let diagram = mermaid(&fs::read_to_string(path).expect("a file")).expect("a trace");
    let expected = "\
sequenceDiagram
    title A token that the server rejects is renewed once, and the request sent once more#59; a second rejection is the request's error
    participant App as Application
    participant Auth as AuthMachine
    participant Callback as authCallback
    participant Ably as Ably
    Note over Auth: [0 ms] new authCallback
    App->>Auth: [10 ms] request GET /channels/news (op 1)
    Auth->>Callback: default (callback 1)
    Callback-->>Auth: [20 ms] token (callback 1)
    Note over Auth: another token
    Auth->>Ably: GET https://main.realtime.ably.net/channels/news (http 1)
    Ably-->>Auth: [30 ms] 401 40142 (http 1)
    Note over Auth: no token
    Auth->>Callback: default (callback 2)
    Callback-->>Auth: [40 ms] token (callback 2)
    Note over Auth: another token
    Auth->>Ably: GET https://main.realtime.ably.net/channels/news (http 2)
    Ably-->>Auth: [50 ms] 401 40142 (http 2)
    Note over Auth: no token
    Auth--xApp: op 1 failed 40142
";
    assert_eq!(diagram, expected);
}

#[test]
fn no_name_breaks_a_diagram() {
    let file = [
        r#"{"trace":{"version":1,"mode":"realtime","story":"a; b\nend #35; <br> %%{init}%% \"c\""}}"#,
        r#"{"in":{"now":{"mono":1,"unix":2},"new":{"options":{"authCallback":"x"},"seed":""}},"out":{"actions":[{"invokeCallback":{"id":1,"callback":"end\n;#->>Auth: {"}}]}}"#,
        r#"{"in":{"request":{"method":"GET;","path":"/a;b#c?token=secret"}},"out":{"op":1,"actions":[{"unknown":{}}]}}"#,
        r#"{"in":{"frame":{"id":1,"text":"no JSON: secret"}}}"#,
        r#"{"in":{"what":[]},"out":null}"#,
        r#"{"in":{"frame":"secret"},"out":{"actions":"secret"}}"#,
        r#"{"in":"secret","out":{"error":{"code":"secret"},"timer":"secret"}}"#,
    ];
    let diagram = mermaid(&file.join("\n")).expect("a trace");
    check_syntax(&diagram);
    assert!(!diagram.contains("secret"), "{diagram}");
    assert_eq!(mermaid("{}").map_err(|error| error.code()), Err(40_000));
    assert_eq!(mermaid(&(file[0].to_owned() + "\nno JSON")).map_err(|error| error.code()), Err(40_000));
}

/// Drawn from files that hold every secret.
#[cfg(feature = "proptest")]
mod secrets {
    use ably_auth::testkit::session::World;
    use ably_auth::testkit::strategies;
    use ably_auth::trace::{Header, Mode, Recorder, mermaid};
    use proptest::prelude::*;

    use super::check_syntax;

    proptest! {
        #[test]
        fn no_diagram_shows_a_secret(scenario in strategies::scenario(64)) {
            let Some(mut world) = World::new(&scenario.client) else { return Ok(()) };
            let mut file = String::new();
            let mut recorder = Recorder::new(&Header::with_secrets_shown(Mode::Realtime), |line: &str| {
                file += line;
                file += "\n";
            });
            recorder.accept(World::first_line(world.now(), &scenario.client)).expect("options");
            for op in scenario.ops {
                world.apply(op).expect("the model accepts it");
                for line in world.lines() {
                    let _ = recorder.accept(line.clone());
                }
            }
            drop(recorder);
            let diagram = mermaid(&file).expect("a trace");
            check_syntax(&diagram);
            prop_assert!(!diagram.contains("CANARY"), "{}", diagram);
        }
    }
}
