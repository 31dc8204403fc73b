//! The secrets of a trace that were met, and what is written in their place.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::LEFT_OUT;
use crate::wire::{MAX_TOKEN_LENGTH, Secret};

/// A text shorter than this may stand somewhere by chance, as a part of a word.
const SHORTEST_PART: usize = 8;

/// How many secrets are remembered. Then the oldest is forgotten, but for keys.
const MOST: usize = 256;

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Key,
    Token,
    Mac,
    ConnectionKey,
    Header,
    Param,
}

/// Which secret has which placeholder.
#[derive(Default)]
pub(super) struct Placeholders {
    known: Vec<Known>,
    made: BTreeMap<Kind, u64>,
}

struct Known {
    kind: Kind,
    /// As it is, and as it stands in a URL where that is another text.
    forms: Vec<Secret>,
    placeholder: String,
}

impl Placeholders {
    /// The placeholder of a secret. It is of the same use to a machine: what could not be a token still could not.
    pub(super) fn of(&mut self, kind: Kind, secret: &str) -> String {
        if matches!(secret, "" | "null" | "undefined") {
            return secret.into();
        }
        if let Some(known) = self.known.iter().find(|known| known.forms[0].expose() == secret) {
            return known.placeholder.clone();
        }
        // Whole pages, say.
        if kind == Kind::Token && (secret.starts_with(NO_TOKEN) || secret.len() > MAX_TOKEN_LENGTH) {
            return as_long_as(secret, formed_like(secret, "token"), "~");
        }
        let number = self.made.entry(kind).or_default();
        *number += 1;
        let placeholder = as_long_as(secret, formed_like(secret, &format!("{}-{number}", kind.name())), "~");
        self.learn(kind, secret, &placeholder);
        placeholder
    }

    /// The placeholder of a key keeps the key's name, which is public.
    pub(super) fn of_key(&mut self, key: &str) -> String {
        let Some((name, secret)) = key.split_once(':') else { return self.of(Kind::Key, key) };
        let placeholder = format!("{name}:{}", self.of(Kind::Key, secret));
        self.learn(Kind::Key, &STANDARD.encode(key), &STANDARD.encode(&placeholder));
        placeholder
    }

    /// That secret has this placeholder, unless it has one.
    pub(super) fn learn(&mut self, kind: Kind, secret: &str, placeholder: &str) {
        if secret.is_empty() || self.known.iter().any(|known| known.forms[0].expose() == secret) {
            return;
        }
        if self.known.len() >= MOST {
            let oldest = self.known.iter().position(|known| known.kind != Kind::Key);
            self.known.remove(oldest.unwrap_or_default());
        }
        let escaped = format!("{}", utf8_percent_encode(secret, NON_ALPHANUMERIC));
        let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut forms: Vec<Secret> = [secret.into(), escaped, in_form].map(Secret::new).into();
        forms.dedup();
        self.known.push(Known { kind, forms, placeholder: placeholder.into() });
    }

    /// A text for people without the secrets that it quotes: the longest at each place is replaced. A placeholder that
    /// stands there is left alone.
    pub(super) fn scrub(&self, text: &str) -> String {
        let forms = self.known.iter().flat_map(|known| known.forms.iter().map(move |form| (form.expose(), known)));
        let forms = forms.map(|(form, known)| (form, known.placeholder.as_str()));
        let placeholders = self.known.iter().map(|known| (known.placeholder.as_str(), known.placeholder.as_str()));
        let mut present: Vec<_> = placeholders.chain(forms).filter(|(found, _)| text.contains(found)).collect();
        // The first of those that are as long is a placeholder.
        present.sort_by_key(|(found, _)| Reverse(found.len()));
        let mut replaced = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let is_here = |(found, word): &&(&str, &str)| {
                text[at..].starts_with(found) && (found == word || stands_alone(text, at, found.len()))
            };
            let (length, word) = match present.iter().find(is_here) {
                Some((found, word)) => (found.len(), *word),
                None => (next.len_utf8(), &text[at..at + next.len_utf8()]),
            };
            replaced += word;
            at += length;
        }
        replaced
    }
}

/// Whether what stands there is no part of a longer word, or too long to be one by chance.
fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let neighbours = [text[..at].chars().next_back(), text[at + length..].chars().next()];
    length >= SHORTEST_PART || !neighbours.into_iter().flatten().any(char::is_alphanumeric)
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
            Self::Mac => "mac",
            Self::ConnectionKey => "connection-key",
            Self::Header => "header",
            Self::Param => "param",
        }
    }
}

/// What no token begins with.
const NO_TOKEN: [char; 3] = ['{', '"', '<'];

/// A placeholder that can be as much, or as little, as the secret: what makes a text no token, or nothing that could be
/// sent in a header, is in it too.
fn formed_like(secret: &str, name: &str) -> String {
    let first = secret.chars().next().filter(|first| NO_TOKEN.contains(first));
    let is_unsendable = |c: &char| c.is_ascii_control() && *c != '\t';
    let odd = secret.chars().find(is_unsendable).or_else(|| secret.chars().find(|c| !c.is_ascii_graphic()));
    let text = |c: Option<char>| c.map(String::from).unwrap_or_default();
    format!("{}{LEFT_OUT}{}-{name}", text(first), text(odd))
}

/// What is too long for a token stays so.
pub(super) fn as_long_as(text: &str, placeholder: String, filling: &str) -> String {
    let missing = text.len().saturating_sub(placeholder.len());
    if text.len() > MAX_TOKEN_LENGTH { placeholder + &filling.repeat(missing) } else { placeholder }
}
