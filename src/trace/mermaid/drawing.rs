//! The lines of a diagram.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// Who takes part, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    App,
    Auth,
    Callback,
    AuthUrl,
    Ably,
    Internet,
    Connection,
}

/// How a line between two is drawn.
#[derive(Clone, Copy)]
pub(super) enum Arrow {
    Asks,
    Answers,
    Fails,
    Aborts,
}

/// A diagram that is being drawn.
pub(super) struct Drawing {
    driven: &'static str,
    lines: String,
    seen: BTreeSet<Who>,
    asked: BTreeMap<String, Who>,
    /// What the machine waits for.
    pub(super) timer: String,
}

impl Drawing {
    pub(super) fn new(driven: &'static str) -> Self {
        Drawing {
            driven,
            lines: String::new(),
            seen: BTreeSet::from([Who::App, Who::Auth]),
            asked: BTreeMap::new(),
            timer: String::new(),
        }
    }

    pub(super) fn arrow(&mut self, from: Who, arrow: Arrow, to: Who, label: &str) {
        let arrow = match arrow {
            Arrow::Asks => "->>",
            Arrow::Answers => "-->>",
            Arrow::Fails => "--x",
            Arrow::Aborts => "-x",
        };
        self.seen.extend([from, to]);
        self.lines += &format!("    {from:?}{arrow}{to:?}: {}\n", escaped(label));
    }

    pub(super) fn note(&mut self, over: &[Who], label: &str) {
        self.seen.extend(over);
        let over: Vec<_> = over.iter().map(|who| format!("{who:?}")).collect();
        self.lines += &format!("    Note over {}: {}\n", over.join(","), escaped(label));
    }

    /// That somebody was sent the request of that id.
    pub(super) fn ask(&mut self, id: &str, who: Who) {
        self.asked.insert(id.to_string(), who);
    }

    /// Who was sent the request of that id.
    pub(super) fn asked(&self, id: &str) -> Who {
        self.asked.get(id).copied().unwrap_or(Who::Ably)
    }

    pub(super) fn finish(self, title: &str) -> String {
        let title = if title.is_empty() { String::new() } else { format!("    title {}\n", escaped(title)) };
        let participants = self.seen.iter().map(|who| format!("    participant {who:?} as {}\n", self.name(*who)));
        format!("sequenceDiagram\n{title}{}{}", participants.collect::<String>(), self.lines)
    }

    fn name(&self, who: Who) -> &'static str {
        match who {
            Who::App => "Application",
            Who::Auth => self.driven,
            Who::Callback => "authCallback",
            Who::AuthUrl => "authUrl",
            Who::Ably => "Ably",
            Who::Internet => "connectivity check",
            Who::Connection => "Connection",
        }
    }
}

/// A text that means nothing but itself: a character that could be more is written as its number.
fn escaped(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " .,:/_-()[]='+@*?!".contains(c);
    text.chars()
        .map(|c| match c {
            c if is_plain(c) => c.to_string(),
            c if c.is_control() => " ".to_string(),
            c => format!("#{};", u32::from(c)),
        })
        .collect()
}
