//! The machine of a client, and what is written down of it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::outlet::Outlet;
use crate::session::{Command, Driven};
use crate::trace::{Header, Input, Line, Mode, New, Output, Scribe, make};
use crate::wire::wiped::WipedJson;
use crate::wire::{Error, ProtocolMessage};
use crate::{AuthMachine, Now, OperationId, Session, SessionAction, SessionEvent, TimerKind};

/// A machine that writes down what it is told, and what comes of that, where this is wanted.
pub(super) struct Machine {
    driven: Driven,
    recording: Option<Recording>,
    /// Actions that have been written down and not been taken.
    actions: VecDeque<SessionAction>,
}

struct Recording {
    scribe: Scribe,
    outlet: Arc<Outlet>,
}

/// That a client is to be recorded, and how.
pub(super) struct Record {
    pub(super) header: fn(Mode) -> Header,
    pub(super) outlet: Arc<Outlet>,
}

impl Machine {
    /// # Errors
    ///
    /// Those of [`AuthMachine::new`].
    pub(super) fn new(mode: Mode, new: New, now: Now, record: Option<Record>) -> Result<Self, Error> {
        let mut recording = record.map(|Record { header, outlet }| Recording::start(&header(mode), outlet));
        let input = recording.as_mut().and_then(|_| Recording::read(Input::New(new.clone()), now));
        let driven = make(mode, new, now)?;
        let mut machine = Machine { driven, recording, actions: VecDeque::new() };
        machine.write(input, Ok(None));
        Ok(machine)
    }

    /// Where its recording goes, if there is one.
    pub(super) fn outlet(&self) -> Option<Arc<Outlet>> {
        self.recording.as_ref().map(|recording| Arc::clone(&recording.outlet))
    }
}

/// What it is told.
impl Machine {
    pub(super) fn start(&mut self, command: Command, now: Now) -> OperationId {
        let input = self.read(|| Input::Command(command.clone()), now);
        let operation = self.driven.start(command, now);
        self.write(input, Ok(Some(operation)));
        operation
    }

    pub(super) fn handle_event(&mut self, event: impl Into<SessionEvent>, now: Now) {
        let event = event.into();
        let input = self.read(|| Input::Event(event.clone()), now);
        self.driven.handle_event(event, now);
        self.write(input, Ok(None));
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        let input = self.read(|| Input::Timeout, now);
        self.driven.handle_timeout(now);
        self.write(input, Ok(None));
    }

    /// Of a session.
    pub(super) fn connect(&mut self, now: Now) {
        let input = self.read(|| Input::Connect, now);
        if let Driven::Session(session) = &mut self.driven {
            session.connect(now);
            self.write(input, Ok(None));
        }
    }

    /// Of a session.
    pub(super) fn close(&mut self, now: Now) {
        let input = self.read(|| Input::Close, now);
        if let Driven::Session(session) = &mut self.driven {
            session.close(now);
            self.write(input, Ok(None));
        }
    }

    /// `None` without a session.
    pub(super) fn send(&mut self, message: ProtocolMessage, now: Now) -> Option<Result<(), Error>> {
        let input = self.read(|| Input::Send(message.clone()), now);
        let Driven::Session(session) = &mut self.driven else { return None };
        let sent = session.send(message, now);
        self.write(input, sent.clone().map(|()| None));
        Some(sent)
    }

    /// What there is to write of an input.
    fn read(&mut self, input: impl FnOnce() -> Input, now: Now) -> Option<WipedJson> {
        self.recording.take_if(|recording| recording.outlet.is_closed());
        self.recording.as_ref().and_then(|_| Recording::read(input(), now))
    }

    fn write(&mut self, input: Option<WipedJson>, told: Result<Option<OperationId>, Error>) {
        let (Some(recording), Some(input)) = (&mut self.recording, input) else { return };
        let answer = told.map(|operation| Output::drain(&mut self.driven, operation));
        recording.outlet.put(recording.scribe.line(&input, &answer));
        self.actions.extend(answer.into_iter().flat_map(|output| output.actions));
    }
}

/// What it says.
impl Machine {
    pub(super) fn poll_action(&mut self) -> Option<SessionAction> {
        self.actions.pop_front().or_else(|| self.driven.poll_action())
    }

    pub(super) fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        self.driven.poll_timeout()
    }

    /// The Auth object, to look at.
    pub(super) fn auth(&self) -> &AuthMachine {
        self.driven.auth()
    }

    /// The session, to look at; `None` of a machine alone.
    pub(super) fn session(&self) -> Option<&Session> {
        match &self.driven {
            Driven::Session(session) => Some(session),
            Driven::Machine(_) => None,
        }
    }
}

impl Recording {
    fn start(header: &Header, outlet: Arc<Outlet>) -> Self {
        outlet.put(Scribe::first_line(header).into());
        Recording { scribe: Scribe::new(header), outlet }
    }

    /// There is a line for whatever a driver tells.
    fn read(input: Input, now: Now) -> Option<WipedJson> {
        Scribe::input(&Line { now: Some(now), input }).ok()
    }
}
