//! Stories as data, `tests/scenarios/*.jsonl`, each run as `ably-auth replay` runs it.

use std::fs;
use std::path::Path;

use ably_auth::trace::{Header, Line, Mode, Recorder, replay};

#[test]
fn every_scenario_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut stories = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
        let name = path.display();
        let text = fs::read_to_string(&path).expect("a file");
        let replay = replay(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let differences: Vec<_> = replay.differences.iter().map(ToString::to_string).collect();
        assert!(differences.is_empty(), "{name}:\n{}", differences.join("\n"));
        assert_eq!(replay.updated.expose(), text, "{name} is written as it would be recorded");
        assert!(!replay.header.spec.is_empty(), "{name} names its points of the specification");
        assert!(!replay.header.story.is_empty(), "{name} tells a story");
        stories.push(replay.header.story);
    }
    assert!(!stories.is_empty(), "there are scenarios");
    let told = stories.len();
    stories.sort();
    stories.dedup();
    assert_eq!(stories.len(), told, "each tells another story");
}

#[test]
fn what_replays_and_records_shows_no_words_of_a_file() {
    let header = r#"{"trace":{"version":1,"mode":"machine"}}"#;
    let new = r#"{"new":{"options":"app.key:SECRET","seed":"0000000000000000000000000000000000000000000000000000000000000000"}}"#;
    let replay = replay(&format!("{header}\n{{\"in\":{new},\"out\":{{\"actions\":[\"SECRET\"]}}}}\n")).unwrap();
    let mut recorder = Recorder::new(&Header::with_secrets_shown(Mode::Machine), |_: &str| ());
    recorder.accept(Line::parse(new.as_bytes()).unwrap()).unwrap();

    let shown = format!("{replay:?} {:?} {recorder:?}", replay.differences);

    assert!(shown.contains("Recorder") && shown.contains("Difference { line: 2, member: \"/actions"), "{shown}");
    assert!(!shown.contains("SECRET"), "{shown}");
}
