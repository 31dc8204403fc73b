//! Channels, as far as they show what a capability allows.

use serde_json::json;

use super::Service;
use super::credentials::Identity;
use super::errors;
use super::message::{Answer, Request};
use crate::wire::Error;

impl Service {
    /// `GET /channels/{name}`: needs the operation `channel-metadata`.
    pub(super) fn channel_status(&mut self, name: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        identity.check_permission(name, "channel-metadata")?;
        let metrics = json!({
            "connections": 0, "publishers": 0, "subscribers": 0,
            "presenceConnections": 0, "presenceMembers": 0, "presenceSubscribers": 0,
        });
        let status = json!({ "isActive": false, "occupancy": { "metrics": metrics } });
        Ok(Answer::ok(json!({ "channelId": name, "name": name, "status": status })))
    }
}

impl Identity {
    pub(super) fn check_permission(&self, channel: &str, operation: &str) -> Result<(), Error> {
        if self.grant().permits(channel, operation) { Ok(()) } else { Err(errors::CAPABILITY_LACKING.error()) }
    }
}
