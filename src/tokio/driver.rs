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
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ::tokio::runtime::Handle;
use ::tokio::select;
use ::tokio::sync::{Notify, broadcast, oneshot, watch};
use tracing::{Level, debug, event};

use super::clock::{Alarm, Clock};
use super::operation::Operation;
use super::tasks::{Surroundings, Task, Tasks};
use super::watch::Views;
use crate::wire::Error;
use crate::{Action, AuthMachine, Event, Notice, NoticeLevel, Now, OperationId, Outcome};

/// Where the outcome of an operation is waited for.
pub(super) type Reply = oneshot::Sender<Result<Outcome, Error>>;

/// A client, as its handles and tasks know it.
pub(super) struct Driver {
    clock: Clock,
    /// `None` once the client has ended.
    engine: Mutex<Option<Engine>>,
    /// Wakes the timekeeper.
    wake: Arc<Notify>,
}

struct Engine {
    machine: AuthMachine,
    waiting: HashMap<OperationId, Reply>,
    tasks: Tasks,
    /// What the timekeeper's alarm is set to. It may go off without need, but never too late.
    alarm: Option<u64>,
    views: watch::Sender<Views>,
    notices: broadcast::Sender<Notice>,
}

impl Driver {
    /// Has the machine driven in that runtime. `clock` is the one that the machine was made by.
    pub(super) fn launch(
        runtime: &Handle,
        machine: AuthMachine,
        clock: Clock,
        surroundings: Surroundings,
        views: watch::Sender<Views>,
        notices: broadcast::Sender<Notice>,
    ) -> Arc<Self> {
        let wake = Arc::new(Notify::new());
        let driver = Arc::new_cyclic(|driver| {
            let tasks = Tasks::new(Weak::clone(driver), runtime.clone(), surroundings);
            let engine = Engine { machine, waiting: HashMap::new(), tasks, alarm: None, views, notices };
            Driver { clock, engine: Mutex::new(Some(engine)), wake: Arc::clone(&wake) }
        });
        // The machine may have something to say from the start.
        driver.enter(|_, _| ());
        runtime.spawn(keep_time(Timekeeper(Arc::downgrade(&driver)), clock, wake));
        driver
    }

    /// Starts the operation. `None` if the client has ended.
    pub(super) fn start(&self, operation: Operation, reply: Reply) -> Option<OperationId> {
        self.enter(|engine, now| {
            let id = operation.start(&mut engine.machine, now);
            engine.waiting.insert(id, reply);
            id
        })
    }

    /// Cancels the operation, if it is still under way.
    pub(super) fn cancel(&self, operation: OperationId) {
        self.enter(|engine, now| {
            if engine.waiting.remove(&operation).is_some() {
                engine.machine.cancel(operation, now);
            }
        });
    }

    /// Tells the machine what has happened. `None` if the client has ended.
    pub(super) fn tell(&self, event: Event) -> Option<()> {
        self.enter(|engine, now| engine.machine.handle_event(event, now))
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

    /// The time may have come for something. What the alarm is to be set to; `None` if the client has ended.
    fn on_alarm(&self) -> Option<Option<u64>> {
        self.enter(|engine, now| engine.machine.handle_timeout(now))?;
        self.lock(|engine| engine.as_mut().map(Engine::reset_alarm))
    }

    fn end(&self) {
        // Taken under the lock, dropped after it.
        let engine = self.lock(Option::take);
        drop(engine);
    }

    /// Lets somebody at the machine, then does what the machine wants done.
    fn enter<R>(&self, act: impl FnOnce(&mut Engine, Now) -> R) -> Option<R> {
        self.lock(|engine| {
            let engine = engine.as_mut()?;
            let now = self.clock.now();
            engine.check_deadlines(now);
            let result = act(engine, now);
            engine.do_what_is_wanted();
            if engine.bring_alarm_forward() {
                self.wake.notify_one();
            }
            Some(result)
        })
    }

    fn lock<R>(&self, act: impl FnOnce(&mut Option<Engine>) -> R) -> R {
        act(&mut self.engine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The timekeeper finds nobody any more and ends.
        self.wake.notify_one();
    }
}

impl Engine {
    /// What is overdue comes before anything new.
    fn check_deadlines(&mut self, now: Now) {
        if self.machine.poll_timeout().is_some_and(|(deadline, _)| deadline <= now.mono) {
            self.machine.handle_timeout(now);
        }
    }

    fn do_what_is_wanted(&mut self) {
        // First: whoever gets an answer finds the views as they were when it was given, or newer.
        Views::publish(&self.views, &self.machine);
        while let Some(action) = self.machine.poll_action() {
            self.perform(action);
        }
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
            Action::Notice(notice) => {
                log(&notice);
                // Nobody may be listening.
                let _ = self.notices.send(notice);
            }
            Action::Complete { operation, outcome } => {
                if let Some(reply) = self.waiting.remove(&operation) {
                    // Who does not wait any more does not care.
                    let _ = reply.send(outcome);
                }
            }
            // The machine has been told of no connection, so it asks nothing of one.
            Action::UpgradeConnection { .. }
            | Action::OpenConnection {}
            | Action::HaltConnection {}
            | Action::DropConnection { .. }
            | Action::FailConnection { .. } => {}
        }
    }

    fn deadline(&self) -> Option<u64> {
        self.machine.poll_timeout().map(|(deadline, _)| deadline)
    }

    fn reset_alarm(&mut self) -> Option<u64> {
        self.alarm = self.deadline();
        self.alarm
    }

    /// Whether the alarm must go off earlier than it is set to.
    fn bring_alarm_forward(&mut self) -> bool {
        let too_late = |deadline: &u64| self.alarm.is_none_or(|alarm| *deadline < alarm);
        match self.deadline().filter(too_late) {
            Some(deadline) => {
                self.alarm = Some(deadline);
                true
            }
            None => false,
        }
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
