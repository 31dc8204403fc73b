//! Handling requests, WebSockets and frames that meet faults.

use alloc::borrow::ToOwned;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Service;
use super::fault::{self, Effect, Fault};
use super::format::Format;
use super::message::{Answer, Delivery, Reply, Request};
use super::realtime::TransportId;
use crate::http::{Headers, HttpResponse};
use crate::wire::{Error, ProtocolMessage};

/// The header that says of what type a body is.
const CONTENT_TYPE: &str = "Content-Type";

impl Service {
    /// Lets something go wrong. Returns an id to remove the fault by.
    ///
    /// # Errors
    ///
    /// 40000/400 where the effect cannot happen to what would meet it, or there are a hundred faults already.
    pub fn inject(&mut self, fault: Fault) -> Result<u64, Error> {
        self.faults.inject(fault)
    }

    /// The faults that are still to happen, with their ids, in their order.
    pub fn faults(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.faults.iter()
    }

    /// Removes a fault. Returns whether it was still to happen.
    pub fn remove_fault(&mut self, id: u64) -> bool {
        self.faults.remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Answers a request with all that goes wrong on the way. Returns the Ably error code of the answer too.
    pub(super) fn answer(&mut self, request: &Request, now: i64) -> (Reply, Option<u32>) {
        let effects = self.faults.met_by_request(request);
        self.note_faults(&effects);
        let format = Format::of_answer(request);
        let (mut reply, code) = match self.forestall(request, &effects, format) {
            Some(answered) => answered,
            None => {
                let handled = self.route(request, now.saturating_add(skew(&effects)), format);
                self.faults.remember(request, &handled.0.response);
                handled
            }
        };
        reply.delay = fault::delay(&effects);
        for effect in &effects {
            spoil(&mut reply, effect);
        }
        (reply, code)
    }

    /// What is answered without the request being handled.
    fn forestall(&self, request: &Request, effects: &[Effect], format: Format) -> Option<(Reply, Option<u32>)> {
        effects.iter().find_map(|effect| match effect {
            Effect::Drop => Some((Reply::without_answer(Delivery::Drop), None)),
            Effect::Hang => Some((Reply::without_answer(Delivery::Never), None)),
            Effect::Refuse { error } => Some(self.seal(Answer::from(error.clone()), format)),
            Effect::Replay => self.faults.last_answer(request).map(|last| (Reply::whole(last.clone()), None)),
            _ => None,
        })
    }

    /// What a WebSocket is answered that meets a fault; none where it is opened all the same.
    pub(super) fn forestall_websocket(effects: &[Effect]) -> Option<Reply> {
        effects.iter().find_map(|effect| match effect {
            Effect::Drop => Some(Reply::without_answer(Delivery::Drop)),
            Effect::Hang => Some(Reply::without_answer(Delivery::Never)),
            Effect::Status { status } => Some(Reply::whole(HttpResponse::new(*status, Headers::new(), ""))),
            _ => None,
        })
    }

    pub(super) fn websocket_effects(&mut self) -> Vec<Effect> {
        let effects = self.faults.met_by_websocket();
        self.note_faults(&effects);
        effects
    }

    /// How long whoever opens WebSockets should wait before he opens the next one, in milliseconds, as faults want it.
    pub(in crate::sandbox) fn take_delay_of_websocket(&mut self) -> u64 {
        self.faults.delay_of_websocket()
    }

    /// Handles a frame with all that goes wrong on the way.
    pub(super) fn handle_message(&mut self, transport: TransportId, message: Arc<ProtocolMessage>, now: i64) {
        let effects = self.faults.met_by_frame(message.action());
        for effect in &effects {
            match effect {
                Effect::Drop => return self.realtime.cut(transport, now),
                Effect::Hang => return,
                Effect::Refuse { error } => return self.refuse(transport, &message, error, now),
                Effect::Disconnect { error } => return self.realtime.disconnect(transport, error.clone(), now),
                _ => {}
            }
        }
        match i64::try_from(fault::delay(&effects)) {
            Ok(delay @ 1..) => self.realtime.hold(transport, message, now.saturating_add(delay)),
            _ => self.dispatch(transport, &message, now),
        }
    }

    fn note_faults(&mut self, effects: &[Effect]) {
        if !effects.is_empty() {
            let names: Vec<&str> = effects.iter().map(Effect::name).collect();
            self.noted.note = Some("fault: ".to_owned() + &names.join(", "));
        }
    }

    pub(super) fn seal(&self, answer: Answer, format: Format) -> (Reply, Option<u32>) {
        let code = answer.error.as_ref().map(Error::code);
        (Reply::whole(answer.into_response(&self.server_id, format)), code)
    }
}

fn skew(effects: &[Effect]) -> i64 {
    effects.iter().fold(0, |sum, effect| match effect {
        Effect::Skew { milliseconds } => sum.saturating_add(*milliseconds),
        _ => sum,
    })
}

/// Makes an answer worse.
fn spoil(reply: &mut Reply, effect: &Effect) {
    let response = &mut reply.response;
    let half = response.body().len() / 2;
    match effect {
        Effect::Status { status } => response.status = *status,
        Effect::ContentType { content_type } => {
            response.headers.remove(CONTENT_TYPE);
            if !content_type.is_empty() {
                response.headers.append(CONTENT_TYPE, content_type.as_str());
            }
        }
        Effect::Malformed => {
            *response = HttpResponse::new(response.status, response.headers.clone(), &response.body()[..half]);
        }
        Effect::Cut => reply.delivery = Delivery::CutAfter(half),
        _ => {}
    }
}
