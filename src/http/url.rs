//! As much of RFC 3986 as an authUrl and its redirects need.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::wire::Secret;

/// An absolute http or https URL without its fragment. `Debug` shows neither user info nor query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    secure: bool,
    /// Host and port, with the user info before them.
    authority: Secret,
    path: String,
    query: Option<Secret>,
}

impl Url {
    /// `None` where the text is not an absolute http or https URL, or holds white space or control characters.
    pub fn parse(text: &str) -> Option<Url> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let secure = is_secure(scheme)?;
        Self::after_scheme(secure, rest)
    }

    fn after_scheme(secure: bool, rest: &str) -> Option<Url> {
        let rest = without_fragment(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let url = Url { secure, authority: authority.into(), path: String::new(), query: None };
        let host = url.host_and_port();
        let host_end = if host.starts_with('[') {
            host.find(']').map(|end| end + 1)?
        } else {
            host.find(':').unwrap_or(host.len())
        };
        let port = &host[host_end..];
        let port_is_valid = port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
        if host_end == 0 || host.contains(['\\', '<', '>', '"', '{', '}', '|', '^', '`']) || !port_is_valid {
            return None;
        }
        let (path, query) = split_query(rest);
        Some(Url { path: if path.is_empty() { "/".to_owned() } else { path.to_owned() }, query, ..url })
    }

    /// Whether the scheme is https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The path, undecoded; it starts with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, undecoded, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_ref().map(Secret::expose)
    }

    /// The same URL with another query.
    #[must_use]
    pub fn with_query(self, query: Option<Secret>) -> Url {
        Url { query, ..self }
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Url) -> bool {
        self.secure == other.secure
            && normal_port(self.secure, self.host_and_port()) == normal_port(other.secure, other.host_and_port())
    }

    /// Where a `Location` leads from here (RFC 3986, section 5). `None` where it is no http or https URL.
    pub fn join(&self, location: &str) -> Option<Url> {
        if location.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let location = without_fragment(location);
        if let Some(rest) = location.strip_prefix("//") {
            return Self::after_scheme(self.secure, rest).map(Url::normalized);
        }
        if scheme_of(location).is_some() {
            return Self::parse(location).map(Url::normalized);
        }
        let (path, query) = split_query(location);
        let joined = match path {
            "" => Url { query: query.or_else(|| self.query.clone()), ..self.clone() },
            absolute if absolute.starts_with('/') => Url { path: absolute.to_owned(), query, ..self.clone() },
            relative => {
                let folder = &self.path[..self.path.rfind('/').map_or(0, |slash| slash + 1)];
                Url { path: format!("{folder}{relative}"), query, ..self.clone() }
            }
        };
        Some(joined.normalized())
    }

    /// The URL without user info and query, for messages.
    pub fn without_secrets(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.host_and_port(), self.path)
    }

    /// The whole URL.
    pub fn to_secret(&self) -> Secret {
        let (separator, query) = self.query().map_or(("", ""), |query| ("?", query));
        Secret::concat(&[self.scheme(), "://", self.authority.expose(), &self.path, separator, query])
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    fn host_and_port(&self) -> &str {
        let authority = self.authority.expose();
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    fn normalized(self) -> Url {
        Url { path: remove_dot_segments(&self.path), ..self }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_secrets())
    }
}

fn is_secure(scheme: &str) -> Option<bool> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(true)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(false)
    } else {
        None
    }
}

fn scheme_of(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some(scheme)
}

fn without_fragment(text: &str) -> &str {
    text.split_once('#').map_or(text, |(before, _)| before)
}

fn split_query(text: &str) -> (&str, Option<Secret>) {
    match text.split_once('?') {
        Some((path, query)) => (path, Some(query.into())),
        None => (text, None),
    }
}

fn normal_port(secure: bool, host: &str) -> String {
    let default = if secure { ":443" } else { ":80" };
    host.strip_suffix(default).or_else(|| host.strip_suffix(':')).unwrap_or(host).to_ascii_lowercase()
}

fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    "/".to_string() + &kept.join("/")
}
