//! Channels over REST, as far as they show what a capability allows: publishing, history, status.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use form_urlencoded::Serializer;
use serde_json::{Value, json};

use super::Service;
use super::account::app_id_of;
use super::credentials::Identity;
use super::errors;
use super::history::Entry;
use super::message::{Answer, Request};
use super::publish::{self, Publication};
use crate::wire::Error;

/// How many messages a page holds unless it was asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// The param that says where a page goes on.
const CURSOR: &str = "cursor";

impl Service {
    /// `POST /channels/{name}/messages`: a message, or an array of them.
    pub(super) fn publish_by_rest(&mut self, channel: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        publish::check_publisher(identity.grant(), channel)?;
        let messages = match request.read_body()? {
            Value::Array(messages) if messages.is_empty() => return Err(errors::INVALID_MESSAGES.error()),
            messages @ Value::Array(_) => messages,
            message => Value::Array(vec![message]),
        };
        let messages = publish::check_messages(messages, self.noted.client_id.as_deref())?;
        if request.query_param("_forceNack").as_deref() == Some("true") {
            return Err(errors::FORCED_NACK.error());
        }
        let publication = Publication {
            app_id: app_id_of(identity.key_name()).to_owned(),
            channel: channel.to_owned(),
            connection_id: None,
            messages,
        };
        let published = self.publish(publication, now);
        let body = json!({ "channel": channel, "messageId": published.id, "serials": published.serials });
        self.deliver(published, now);
        Ok(Answer::new(201, body))
    }

    /// `GET /channels/{name}/messages`, or `/history`: needs the operation `history`.
    pub(super) fn channel_history(&mut self, channel: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        identity.check_permission(channel, "history")?;
        let query = HistoryQuery::read(request)?;
        let app_id = app_id_of(identity.key_name());
        let found = self.history.of(app_id, channel);
        let found: Box<dyn Iterator<Item = &Entry>> =
            if query.forwards { Box::new(found) } else { Box::new(found.rev()) };
        let mut found = found.filter(|entry| query.wants(entry));
        let page: Vec<&Entry> = found.by_ref().take(query.limit).collect();
        let next = page.last().filter(|_| found.next().is_some()).map(|last| last.number);
        let items = page.iter().map(|entry| entry.message()).collect::<Vec<_>>();
        let mut answer = Answer::ok(items.into());
        answer.links = links(request, next);
        Ok(answer)
    }

    /// `GET /channels/{name}/presence`: nobody is present, but it needs the capability to see who is.
    pub(super) fn presence(&mut self, channel: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        identity
            .check_permission(channel, "subscribe")
            .or_else(|_| identity.check_permission(channel, "presence-subscribe"))?;
        Ok(Answer::ok(json!([])))
    }

    /// `GET /channels/{name}/presence/history`: nobody ever was.
    pub(super) fn presence_history(&mut self, channel: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        self.authenticate(request, now)?.check_permission(channel, "history")?;
        Ok(Answer::ok(json!([])))
    }

    /// `GET /channels/{name}`: needs the operation `channel-metadata`.
    pub(super) fn channel_status(&mut self, channel: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        identity.check_permission(channel, "channel-metadata")?;
        let occupancy = self.occupancy(app_id_of(identity.key_name()), channel);
        let metrics = json!({
            "connections": occupancy.connections,
            "publishers": occupancy.publishers,
            "subscribers": occupancy.subscribers,
            "presenceConnections": 0, "presenceMembers": 0, "presenceSubscribers": 0,
        });
        let status = json!({ "isActive": occupancy.connections > 0, "occupancy": { "metrics": metrics } });
        Ok(Answer::ok(json!({ "channelId": channel, "name": channel, "status": status })))
    }
}

impl Identity {
    pub(super) fn check_permission(&self, channel: &str, operation: &str) -> Result<(), Error> {
        if self.grant().permits(channel, operation) { Ok(()) } else { Err(errors::CAPABILITY_LACKING.error()) }
    }
}

/// Which messages are asked for (`RSL2b`).
struct HistoryQuery {
    start: Option<i64>,
    end: Option<i64>,
    limit: usize,
    forwards: bool,
    /// The number of the last message of the page before.
    cursor: Option<u64>,
}

impl HistoryQuery {
    fn read(request: &Request) -> Result<Self, Error> {
        fn number<T: core::str::FromStr>(request: &Request, name: &str) -> Result<Option<T>, Error> {
            let number = request.query_param(name).map(|text| text.parse());
            number.transpose().map_err(|_| errors::INVALID_PARAM.because(name))
        }
        let limit = number(request, "limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(errors::INVALID_PARAM.because("limit"));
        }
        let forwards = match request.query_param("direction").as_deref() {
            None | Some("backwards") => false,
            Some("forwards") => true,
            Some(_) => return Err(errors::INVALID_PARAM.because("direction")),
        };
        let (start, end) = (number(request, "start")?, number(request, "end")?);
        if start.zip(end).is_some_and(|(start, end): (i64, i64)| start > end) {
            return Err(errors::INVALID_PARAM.because("start"));
        }
        Ok(HistoryQuery { start, end, limit, forwards, cursor: number(request, CURSOR)? })
    }

    fn wants(&self, entry: &Entry) -> bool {
        let is_beyond = |cursor| if self.forwards { entry.number > cursor } else { entry.number < cursor };
        self.start.is_none_or(|start| entry.timestamp >= start)
            && self.end.is_none_or(|end| entry.timestamp <= end)
            && self.cursor.is_none_or(is_beyond)
    }
}

/// Where the first page is, and the next one if there is any; relative, as the SDKs want it.
fn links(request: &Request, next: Option<u64>) -> Vec<String> {
    let resource = request.path.rsplit('/').next().unwrap_or_default();
    let link = |relation: &str, cursor: Option<u64>| {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(request.query_params().filter(|(name, _)| LINKED.contains(&name.as_str())));
        query.extend_pairs(cursor.map(|cursor| (CURSOR, format!("{cursor}"))));
        format!("<./{resource}?{}>; rel=\"{relation}\"", query.finish())
    };
    let first = [link("first", None)];
    first.into_iter().chain(next.map(|next| link("next", Some(next)))).collect()
}

/// The params that a link takes along; others may be credentials.
const LINKED: [&str; 4] = ["start", "end", "limit", "direction"];
