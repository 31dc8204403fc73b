//! A machine's environment in virtual time: what is pending, what is answered, when time passes.

use alloc::format;
use alloc::vec::Vec;
use core::hash::Hash;

use super::ops::{Op, Punctuality};
use super::palette::{self, Mint};
use super::pending::Pending;
use super::watch::{Step, Watch, secrets};
use crate::http::{HttpFailure, HttpFailureKind};
use crate::testkit::model::{Invariant, Violation, broken};
use crate::testkit::session::{CallbackAnswer, Client, HttpAnswer, Life, Reason};
use crate::trace::{Input, Line, New};
use crate::{Action, AuthMachine, ConnectionEvent, ConnectionState, Event, Now, OperationId};

/// A machine and what is around it.
///
/// Worlds are equal where the same can happen in them from now on: what happened last is left out.
#[derive(Clone)]
pub struct World {
    pub(super) machine: AuthMachine,
    /// Told the same; it must not differ.
    pub(super) twin: Option<AuthMachine>,
    pub(super) now: Now,
    pub(super) mint: Mint,
    pub(super) pending: Pending,
    watch: Watch,
    /// When the machine was told something last.
    told: Now,
    /// Of the last op.
    actions: Vec<Action>,
    /// What the last op told the machine.
    lines: Vec<Line>,
}

/// How the environment behaves once the ops are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Everything succeeds.
    Answers,
    /// Everything fails.
    Failures,
    /// Nothing answers; only time passes.
    Silence,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Ending; 3] = [Ending::Answers, Ending::Failures, Ending::Silence];
}

/// Construction.
impl World {
    /// None where the options are refused.
    ///
    /// # Errors
    ///
    /// Where that shows a secret.
    pub fn new(client: &Client) -> Result<Option<Self>, Violation> {
        Self::at(Now::new(1_000, 1_700_000_000_000), client)
    }

    /// As [`Self::new`], at another time.
    ///
    /// # Errors
    ///
    /// Where that shows a secret.
    pub fn at(now: Now, client: &Client) -> Result<Option<Self>, Violation> {
        let mut mint = Mint::default();
        let options = palette::client_options(client, &mut mint, now);
        secrets().check_shown(&format!("{options:?}"))?;
        let machine = match AuthMachine::new(options, [client.seed; 32], now) {
            Ok(machine) => machine,
            Err(error) => return secrets().check_error(&error).map(|()| None),
        };
        let mut world = World {
            watch: Watch::new(&machine),
            machine,
            twin: None,
            now,
            mint,
            pending: Pending::default(),
            told: now,
            actions: Vec::new(),
            lines: Vec::new(),
        };
        // What construction has queued.
        world.tell(Input::Timeout)?;
        Ok(Some(world))
    }

    /// From now on the machine of another world is told the same as this one's, and must do the same.
    #[must_use]
    pub fn with_twin(mut self, twin: World) -> Self {
        self.twin = Some(twin.machine);
        self
    }

    /// The line that makes its machine.
    pub(crate) fn first_line(now: Now, client: &Client) -> Line {
        let options = palette::client_options(client, &mut Mint::default(), now);
        Line { now: Some(now), input: Input::New(New { options, seed: [client.seed; 32] }) }
    }
}

/// What happens.
impl World {
    /// Lets it happen.
    ///
    /// # Errors
    ///
    /// What does not hold any more.
    pub fn apply(&mut self, op: Op) -> Result<(), Violation> {
        self.step(op)?;
        self.check_state()
    }

    /// Lets it happen, and checks what came of it; not yet the state it leads to.
    pub(crate) fn step(&mut self, op: Op) -> Result<(), Violation> {
        self.actions.clear();
        self.lines.clear();
        self.perform(op)
    }

    /// Checks the state it is in.
    pub(crate) fn check_state(&self) -> Result<(), Violation> {
        self.watch.check_state(&self.machine, self.told)
    }

    /// Checks that everything can come to its end, and what comes of each input on the way there.
    pub(crate) fn check_ends(&self) -> Result<(), Violation> {
        Ending::ALL.into_iter().try_for_each(|ending| self.clone().bring_to_end(ending, |_| Ok(())))
    }

    /// How many inputs were ignored is forgotten.
    pub(crate) fn forget_ignored(&mut self) {
        self.machine.forget_ignored();
    }

    /// Gives an input to the machine, takes its actions, and checks them.
    pub(super) fn tell(&mut self, input: Input) -> Result<(), Violation> {
        let before = self.machine.clone();
        let pending_before = self.pending.clone();
        let from = self.actions.len();
        let started = give(&mut self.machine, input.clone(), self.now);
        self.actions.extend(drain(&mut self.machine));
        let actions = &self.actions[from..];
        if let Some(twin) = &mut self.twin {
            let is_same = started == give(twin, input.clone(), self.now) && drain(twin) == *actions;
            if !is_same || *twin != self.machine {
                return broken(Invariant::SamePastSameFuture, "two machines with the same past differ");
            }
        }
        self.told = self.now;
        self.lines.push(Line { now: Some(self.now), input });
        let input = &self.lines[self.lines.len() - 1].input;
        self.pending.on_input(input, started)?;
        for action in actions {
            self.pending.on_action(action)?;
        }
        self.pending.forget_unheard(&self.machine)?;
        let Self { machine: after, pending, now, .. } = self;
        self.watch.check_step(&Step {
            input,
            started,
            actions,
            before: &before,
            after,
            pending_before,
            pending,
            now: *now,
        })
    }
}

fn give(machine: &mut AuthMachine, input: Input, now: Now) -> Option<OperationId> {
    match input {
        Input::Command(command) => return Some(machine.start(command, now)),
        Input::Event(crate::SessionEvent::Auth(event)) => machine.handle_event(event, now),
        Input::Timeout => machine.handle_timeout(now),
        // A machine alone is told nothing else.
        _ => {}
    }
    None
}

pub(crate) fn drain(machine: &mut AuthMachine) -> Vec<Action> {
    core::iter::from_fn(|| machine.poll_action()).collect()
}

/// The end.
impl World {
    /// Lets everything come to its end.
    ///
    /// # Errors
    ///
    /// What does not hold any more, or [`Invariant::CompletesOnce`] where something is left.
    pub fn finish(&mut self, ending: Ending) -> Result<(), Violation> {
        self.bring_to_end(ending, Self::check_state)
    }

    fn bring_to_end(
        &mut self,
        ending: Ending,
        check: impl Fn(&Self) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        self.try_bring_to_end(ending, check).map_err(|violation| {
            let what = format!("{} (at the end: {ending:?})", violation.what);
            Violation { what, ..violation }
        })
    }

    fn try_bring_to_end(
        &mut self,
        ending: Ending,
        check: impl Fn(&Self) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let steps = 100 + 50 * self.pending.operations.len();
        for _ in 0..steps {
            self.actions.clear();
            self.lines.clear();
            let next = match ending {
                Ending::Answers => self.next_answer(),
                Ending::Failures => self.next_failure(),
                Ending::Silence => None,
            };
            match (next, self.machine.poll_timeout()) {
                (Some(event), _) => self.event(event)?,
                (None, Some(_)) => self.timeout(Punctuality::OnTime)?,
                (None, None) if self.pending.is_over() => return Ok(()),
                (None, None) => self.event(Event::Connection(ConnectionEvent::new(ConnectionState::Closed)))?,
            }
            check(self)?;
        }
        let Pending { operations, .. } = &self.pending;
        broken(Invariant::CompletesOnce, format!("after {steps} steps these are still under way: {operations:?}"))
    }

    fn next_answer(&mut self) -> Option<Event> {
        if let Some((id, request)) = self.pending.nth_http(0) {
            let response = palette::response(HttpAnswer::Success(Life::Ages), &request, &mut self.mint, self.now);
            return Some(Event::HttpResponse { id, response });
        }
        if let Some(id) = self.pending.nth_callback(0) {
            let value = palette::callback_value(CallbackAnswer::Token(Life::Ages), &mut self.mint, self.now);
            return Some(Event::CallbackResult { id, value });
        }
        let wanted = core::mem::take(&mut self.pending.connection_wanted);
        wanted.then(|| Event::Connection(ConnectionEvent::new(ConnectionState::Connected)))
    }

    fn next_failure(&mut self) -> Option<Event> {
        if let Some((id, _)) = self.pending.nth_http(0) {
            return Some(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Connect) });
        }
        if let Some(id) = self.pending.nth_callback(0) {
            return Some(Event::CallbackFailed { id, error: palette::error(Reason::NoCode) });
        }
        let wanted = core::mem::take(&mut self.pending.connection_wanted);
        wanted.then(|| Event::Connection(ConnectionEvent::new(ConnectionState::Failed)))
    }
}

/// Views.
impl World {
    /// The machine.
    pub fn machine(&self) -> &AuthMachine {
        &self.machine
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// What the last op told the machine, in the form of a trace.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What came of the last op.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// What decides over what can happen from now on.
    fn what_matters(&self) -> impl PartialEq + Hash + use<'_> {
        let World { machine, now, mint, pending, watch, .. } = self;
        (machine, now, mint, pending.what_matters(), watch.what_matters())
    }
}

crate::testkit::same_by_what_matters!(World);

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").field("machine", &self.machine).field("now", &self.now).finish_non_exhaustive()
    }
}
