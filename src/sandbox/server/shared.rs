//! What the tasks of a sandbox share: the service, its time, and the open WebSockets.
//!
//! Whatever happens to the service happens in one place, which then hands out what the service wants sent.
//! Each WebSocket has a queue of bounded length; a client that does not keep up with it is cut off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::clock::Clock;
use crate::sandbox::service::{Format, Output, Reply, Request, Service, TransportId};
use crate::wire::ProtocolMessage;

/// How many messages may wait for a client.
const QUEUE: usize = 256;
/// The longest sleep, so that a machine that was suspended is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(30);

pub(super) struct Shared {
    state: Mutex<State>,
    clock: Clock,
    /// How long everything that is sent takes.
    latency: Duration,
    /// Told whenever the service may have changed.
    changes: watch::Sender<()>,
}

struct State {
    service: Service,
    peers: BTreeMap<TransportId, Peer>,
}

/// A message that is to be sent, and when; none: at once.
pub(super) type Outgoing = (Option<Instant>, Message);

/// The task that carries a transport.
struct Peer {
    format: Format,
    queue: mpsc::Sender<Outgoing>,
    task: AbortHandle,
}

impl Shared {
    pub(super) fn new(service: Service, clock: Clock, latency: Duration) -> Self {
        let state = State { service, peers: BTreeMap::new() };
        Shared { state: Mutex::new(state), clock, latency, changes: watch::Sender::new(()) }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn latency(&self) -> Duration {
        self.latency
    }

    /// Looks at the service.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Service) -> R) -> R {
        look(&self.state().service)
    }

    /// Does something to the service, now, and then what the service wants done.
    pub(super) fn run<R>(&self, act: impl FnOnce(&mut Service, i64) -> R) -> R {
        self.change(|state, now| act(&mut state.service, now))
    }

    /// Answers a request, and moves the clock if that is what it asks.
    pub(super) fn handle(&self, request: &Request) -> Reply {
        let (reply, advance) = self.run(|service, now| (service.handle(request, now), service.take_wanted_advance()));
        if advance != 0 {
            self.clock.advance(advance);
            self.run(Service::handle_timeout);
        }
        reply
    }

    /// Opens a transport, and spawns what carries it.
    pub(super) fn open(
        &self,
        request: &Request,
        spawn: impl FnOnce(TransportId, mpsc::Receiver<Outgoing>) -> AbortHandle,
    ) -> Result<(), Reply> {
        self.change(|state, now| {
            let transport = state.service.connect(request, now)?;
            let format = Format::of_websocket(request).unwrap_or_default();
            let (queue, outgoing) = mpsc::channel(QUEUE);
            let task = spawn(transport, outgoing);
            state.peers.insert(transport, Peer { format, queue, task });
            Ok(())
        })
    }

    /// Learns that a transport is gone.
    pub(super) fn close(&self, transport: TransportId) {
        self.change(|state, now| {
            state.peers.remove(&transport);
            state.service.handle_closed(transport, now);
        });
    }

    /// Cuts every transport off, as when a server dies.
    pub(super) fn cut_all(&self) {
        self.change(|state, now| {
            for (transport, peer) in std::mem::take(&mut state.peers) {
                peer.task.abort();
                state.service.handle_closed(transport, now);
            }
        });
    }

    /// Is told whenever the service may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Waits until there is something to be seen.
    pub(super) async fn until<R>(&self, mut look: impl FnMut(&Service) -> Option<R>) -> R {
        let mut changes = self.changes();
        loop {
            if let Some(seen) = self.look(&mut look) {
                return seen;
            }
            // The sender lives as long as this does.
            let _ = changes.changed().await;
        }
    }

    /// Does what is due whenever it is, for ever. For a clock that goes by itself.
    pub(super) async fn keep_time(self: Arc<Self>) {
        let mut changes = self.changes();
        loop {
            let deadline = self.look(Service::poll_timeout);
            let wait = deadline.map_or(MAX_SLEEP, |at| {
                let milliseconds = at.saturating_sub(self.clock.now());
                Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)).min(MAX_SLEEP)
            });
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep(wait) => {
                    if self.look(Service::poll_timeout).is_some_and(|at| at <= self.clock.now()) {
                        self.run(Service::handle_timeout);
                    }
                }
            }
        }
    }

    fn change<R>(&self, act: impl FnOnce(&mut State, i64) -> R) -> R {
        let mut state = self.state();
        let now = self.clock.now();
        let result = act(&mut state, now);
        state.hand_out(now, self.due());
        drop(state);
        self.changes.send_replace(());
        result
    }

    /// When what is sent now is to arrive; none: at once.
    fn due(&self) -> Option<Instant> {
        (!self.latency.is_zero()).then(|| Instant::now() + self.latency)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a test that looks at the service leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Hands what the service wants sent to the tasks that send it.
    fn hand_out(&mut self, now: i64, due: Option<Instant>) {
        let mut encoder = Encoder::default();
        while let Some((transport, output)) = self.service.poll_output() {
            let Some(peer) = self.peers.get(&transport) else { continue };
            let message = match output {
                Output::Frame(message) => Some(encoder.encode(message, peer.format)),
                Output::Ping => Some(Message::Ping(Vec::new().into())),
                Output::Close(code) => {
                    Some(Message::Close(Some(CloseFrame { code: code.into(), reason: Utf8Bytes::default() })))
                }
                Output::Drop => None,
            };
            let was_taken = message.is_some_and(|message| peer.queue.try_send((due, message)).is_ok());
            if !was_taken {
                peer.task.abort();
                self.peers.remove(&transport);
                self.service.handle_closed(transport, now);
            }
        }
    }
}

/// Encodes a frame that goes to many once in each format.
#[derive(Default)]
struct Encoder {
    message: Option<Arc<ProtocolMessage>>,
    encoded: BTreeMap<Format, Message>,
}

impl Encoder {
    fn encode(&mut self, message: Arc<ProtocolMessage>, format: Format) -> Message {
        if !self.message.as_ref().is_some_and(|last| Arc::ptr_eq(last, &message)) {
            self.encoded.clear();
        }
        let message = self.message.insert(message);
        self.encoded.entry(format).or_insert_with(|| encode(message, format)).clone()
    }
}

fn encode(message: &ProtocolMessage, format: Format) -> Message {
    let value = serde_json::to_value(message).unwrap_or_default();
    let bytes = format.write(&value);
    match format {
        Format::Json => Message::Text(Utf8Bytes::try_from(bytes).unwrap_or_default()),
        Format::MessagePack => Message::Binary(bytes.into()),
    }
}
