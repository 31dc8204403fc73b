//! What drives a client's machine.
//!
//! The machine stands behind a lock. Whoever has something to tell it (a handle with a command, a task with an answer,
//! the timekeeper) takes the lock, tells it, does what the machine wants done, and leaves. Doing is never waiting: it
//! is starting a task, aborting one, or answering who waits. So the lock is held for microseconds and across no await,
//! nothing stands in a queue, and what needs nothing from outside is over at once.
//!
//! All tasks know the client weakly. It ends, and all it has under way with it, when the last handle is gone, or when
//! the runtime that it lives in shuts down.

use std::collections::HashMap;
use std::string::String;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ::tokio::runtime::Handle;
use ::tokio::select;
use ::tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, oneshot, watch};
use tracing::{Level, debug, event};

use super::clock::{Alarm, Clock};
use super::connection::Connection;
use super::frames::Frames;
use super::machine::Machine;
use super::outlet::Outlet;
use super::tasks::{Errand, Surroundings, Task, Tasks};
use super::watch::Views;
use crate::connection::{ConnectionAction, ConnectionInput};
use crate::http::HttpFailureKind;
use crate::session::Command;
use crate::wire::{Error, ProtocolMessage};
use crate::{
    Action, Event, Notice, NoticeLevel, Now, OperationId, Outcome, Session, SessionAction, SessionEvent, SocketId,
};

/// Where the outcome of an operation is waited for.
pub(super) type Reply = oneshot::Sender<Result<Outcome, Error>>;

/// A client, as its handles and tasks know it; without an engine once it has ended.
pub(super) struct Driver {
    engine: Mutex<Option<Engine>>,
    /// Where its recording goes, if there is one.
    outlet: Option<Arc<Outlet>>,
}

/// A machine and what works for it.
struct Engine {
    machine: Machine,
    /// Of a session.
    connection: Option<Connection>,
    clock: Clock,
    waiting: HashMap<OperationId, Reply>,
    tasks: Tasks,
    /// What the timekeeper's alarm is set to. It may go off without need, but never too late.
    alarm: Option<u64>,
    timekeeper: Arc<Notify>,
    shown: Shown,
}

/// Where what a client shows of its Auth object is seen.
pub(super) struct Shown {
    pub(super) views: watch::Sender<Views>,
    pub(super) notices: broadcast::Sender<Notice>,
}

impl Driver {
    /// Has the machine driven in that runtime. `clock` is the one that the machine was made by; a session comes with
    /// a `connection`.
    pub(super) fn launch(
        runtime: &Handle,
        machine: Machine,
        connection: Option<Connection>,
        clock: Clock,
        surroundings: Surroundings,
        shown: Shown,
    ) -> Arc<Self> {
        let timekeeper = Arc::new(Notify::new());
        let driver = Arc::new_cyclic(|driver| {
            let outlet = machine.outlet();
            let engine = Engine {
                machine,
                connection,
                clock,
                waiting: HashMap::new(),
                tasks: Tasks::new(Weak::clone(driver), runtime.clone(), surroundings),
                alarm: None,
                timekeeper: Arc::clone(&timekeeper),
                shown,
            };
            Driver { engine: Mutex::new(Some(engine)), outlet }
        });
        // The machine may have something to say from the start.
        driver.enter(|_, _| ());
        runtime.spawn(keep_time(Timekeeper(Arc::downgrade(&driver)), clock, timekeeper));
        driver
    }

    /// Starts the operation, and leaves it to the caller to send a request that is for it alone. `None` if the client
    /// has ended.
    pub(super) fn start(&self, command: Command, reply: Reply) -> Option<(OperationId, Option<Errand>)> {
        self.lock(|engine| {
            let engine = engine.as_mut()?;
            let now = engine.look_at_the_clock();
            let id = engine.machine.start(command, now);
            engine.waiting.insert(id, reply);
            let errand = engine.do_what_is_wanted(Some(id).filter(|_| engine.tasks.caller_is_at_home()));
            Some((id, errand))
        })
    }

    /// Cancels the operation, if it is still under way.
    pub(super) fn cancel(&self, operation: OperationId) {
        self.enter(|engine, now| {
            if engine.waiting.remove(&operation).is_some() {
                engine.machine.start(Command::Cancel(operation), now);
            }
        });
    }

    /// Tells the machine what has happened. `None` if the client has ended.
    pub(super) fn tell(&self, event: SessionEvent) -> Option<()> {
        self.enter(|engine, now| engine.machine.handle_event(event, now))
    }

    /// Has the session connect. `None` if the client has ended.
    pub(super) fn connect(&self) -> Option<()> {
        self.enter(|engine, now| engine.machine.connect(now))
    }

    /// Has the session close its connection. `None` if the client has ended.
    pub(super) fn close(&self) -> Option<()> {
        self.enter(|engine, now| engine.machine.close(now))
    }

    /// Looks at the session. `None` if the client has ended, or is without one.
    pub(super) fn look_at_session<R>(&self, look: impl FnOnce(&Session) -> R) -> Option<R> {
        self.enter(|engine, _| engine.machine.session().map(look))?
    }

    /// Where a frame of the application's gets its turn; `None` while there is no socket.
    pub(super) fn turns(&self) -> Option<Arc<Semaphore>> {
        self.enter(|engine, _| engine.connection.as_ref().and_then(Connection::turns))?
    }

    /// Sends a frame of the application's. `None` as for [`Driver::look_at_session`].
    pub(super) fn send(
        &self,
        message: ProtocolMessage,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Option<Result<(), Error>> {
        self.enter(|engine, now| engine.send(message, turn, now))?
    }

    /// The frames for the application from now on. `None` as for [`Driver::look_at_session`].
    pub(super) fn frames(&self) -> Option<Frames> {
        self.enter(|engine, _| engine.connection.as_ref().map(Connection::frames))?
    }

    /// Somebody begins or ceases to read what comes over a socket.
    pub(super) fn set_read(&self, id: SocketId, is_read: bool) {
        self.enter(|engine, _| {
            if let Some(connection) = &mut engine.connection {
                connection.set_read(id, is_read);
            }
        });
    }

    /// A socket is closed, or was not opened.
    pub(super) fn on_socket_closed(
        &self,
        id: SocketId,
        kind: Option<HttpFailureKind>,
        status: Option<u16>,
        message: Option<String>,
    ) {
        self.enter(|engine, now| {
            if let Some(connection) = &mut engine.connection {
                connection.forget(id);
            }
            let closed = ConnectionInput::SocketClosed { id, kind, status, message };
            engine.machine.handle_event(closed, now);
        });
    }

    /// A task has come to its end.
    pub(super) fn on_finished(&self, task: Task, event: Option<Event>) {
        self.enter(|engine, now| {
            engine.tasks.forget(task);
            if let Some(event) = event {
                engine.machine.handle_event(event, now);
            }
        });
    }

    /// The alarm has gone off. What it is to be set to; `None` if the client has ended.
    fn on_alarm(&self) -> Option<Option<u64>> {
        self.enter(Engine::on_time)?;
        self.lock(|engine| engine.as_mut().map(Engine::reset_alarm))
    }

    fn end(&self) {
        // Taken under the lock, dropped after it.
        let engine = self.lock(Option::take);
        drop(engine);
    }

    /// Lets somebody at the machine, then does what the machine wants done. `None` if the client has ended.
    fn enter<R>(&self, act: impl FnOnce(&mut Engine, Now) -> R) -> Option<R> {
        self.lock(|engine| {
            let engine = engine.as_mut()?;
            let now = engine.look_at_the_clock();
            let result = act(engine, now);
            engine.do_what_is_wanted(None);
            Some(result)
        })
    }

    fn lock<R>(&self, act: impl FnOnce(&mut Option<Engine>) -> R) -> R {
        let result = act(&mut self.engine.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(outlet) = &self.outlet {
            outlet.flush();
        }
        result
    }
}

impl Engine {
    /// The time. What is overdue comes before anything new.
    fn look_at_the_clock(&mut self) -> Now {
        let now = self.clock.now();
        if self.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.on_time(now);
        }
        now
    }

    fn on_time(&mut self, now: Now) {
        for id in self.connection.iter().flat_map(Connection::unread) {
            self.machine.handle_event(ConnectionInput::Activity { id }, now);
        }
        self.machine.handle_timeout(now);
    }

    fn send(
        &mut self,
        message: ProtocolMessage,
        turn: Option<OwnedSemaphorePermit>,
        now: Now,
    ) -> Option<Result<(), Error>> {
        self.connection.as_mut()?.set_turn(turn);
        let sent = self.machine.send(message, now);
        self.do_what_is_wanted(None);
        if let Some(connection) = &mut self.connection {
            connection.set_turn(None);
        }
        sent
    }

    /// Does it, but for the request that is for that operation alone: it is the caller's errand.
    fn do_what_is_wanted(&mut self, caller: Option<OperationId>) -> Option<Errand> {
        // First: whoever gets an answer finds the views as they were when it was given, or newer.
        Views::publish(&self.shown.views, self.machine.auth());
        if let (Some(session), Some(connection)) = (self.machine.session(), &self.connection) {
            connection.publish(session.connection());
        }
        let mut errand = None;
        while let Some(action) = self.machine.poll_action() {
            match action {
                SessionAction::Auth(Action::SendHttp { id, request, body_limit, operation, .. })
                    if errand.is_none() && operation.is_some() && operation == caller =>
                {
                    errand = Some(self.tasks.errand(id, request, body_limit));
                }
                SessionAction::Auth(action) => self.perform(action),
                SessionAction::Connection(ConnectionAction::Notice(notice)) => self.announce(notice),
                SessionAction::Connection(action) => {
                    if let Some(connection) = &mut self.connection {
                        connection.perform(action, &self.tasks);
                    }
                }
            }
        }
        self.bring_alarm_forward();
        errand
    }

    fn perform(&mut self, action: Action) {
        match action {
            // The machine keeps the time of the whole; the HTTP client was made for its time to open a connection.
            Action::SendHttp { id, request, body_limit, .. } => self.tasks.send(id, request, body_limit),
            Action::AbortHttp { id } => self.tasks.abort(Task::Http(id)),
            Action::InvokeCallback { id, callback, token_params } => self.tasks.call(id, callback, token_params),
            Action::TokenChanged { token_details } => {
                debug!(expires = token_details.and_then(|token| token.expires), "the token has changed");
            }
            Action::Notice(notice) => self.announce(notice),
            Action::Complete { operation, outcome } => {
                if let Some(reply) = self.waiting.remove(&operation) {
                    // Who does not wait any more does not care.
                    let _ = reply.send(outcome);
                }
            }
            // A session keeps these inside. A machine alone has been told of no connection, so it asks nothing of one.
            Action::UpgradeConnection { .. }
            | Action::OpenConnection {}
            | Action::HaltConnection {}
            | Action::DropConnection { .. }
            | Action::FailConnection { .. } => {}
        }
    }

    fn announce(&self, notice: Notice) {
        log(&notice);
        // Nobody may be listening.
        let _ = self.shown.notices.send(notice);
    }

    fn deadline(&self) -> Option<u64> {
        self.machine.poll_timeout().map(|(deadline, _)| deadline)
    }

    fn reset_alarm(&mut self) -> Option<u64> {
        self.alarm = self.deadline();
        self.alarm
    }

    /// Wakes the timekeeper if its alarm would go off too late.
    fn bring_alarm_forward(&mut self) {
        let deadline = self.deadline();
        let comes_first = |deadline| self.alarm.is_none_or(|alarm| deadline < alarm);
        if deadline.is_some_and(comes_first) {
            self.alarm = deadline;
            self.timekeeper.notify_one();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It finds nobody any more, and ends.
        self.timekeeper.notify_one();
    }
}

/// The task that wakes up in time for each deadline. It is also how a client learns that its runtime shuts down:
/// then its tasks are dropped.
struct Timekeeper(Weak<Driver>);

impl Drop for Timekeeper {
    fn drop(&mut self) {
        if let Some(driver) = self.0.upgrade() {
            driver.end();
        }
    }
}

async fn keep_time(timekeeper: Timekeeper, clock: Clock, wake: Arc<Notify>) {
    let mut alarm = Alarm::new();
    while let Some(deadline) = timekeeper.0.upgrade().and_then(|driver| driver.on_alarm()) {
        alarm.arm(deadline, clock.now());
        select! {
            () = alarm.rings() => {}
            () = wake.notified() => {}
        }
    }
}

fn log(notice: &Notice) {
    macro_rules! at {
        ($level:expr) => {{
            let error = notice.error.as_ref().map(tracing::field::display);
            event!($level, kind = ?notice.kind, error, "{}", notice.message)
        }};
    }
    match notice.level {
        NoticeLevel::Error => at!(Level::ERROR),
        NoticeLevel::Warn => at!(Level::WARN),
        NoticeLevel::Info => at!(Level::INFO),
        NoticeLevel::Debug => at!(Level::DEBUG),
    }
}
