//! The handle of a client with a connection.

use core::fmt;
use std::string::String;
use std::sync::Arc;

use ::tokio::sync::watch;

use super::builder::Builder;
use super::connection::ConnectionOutlets;
use super::frames::Frames;
use super::handle::Auth;
use super::operation::client_has_ended;
use super::watch::{ConnectionViews, StateChanges};
use crate::ConnectionState;
use crate::connection::ConnectionInput;
use crate::options::ClientOptions;
use crate::wire::{Error, ErrorKind, ProtocolMessage, Secret, codes};

/// A client with a realtime connection that lives in a tokio runtime: a handle of its [`Session`](crate::Session) and
/// of what drives it.
///
/// Its [`Realtime::auth`] keeps the connection authenticated: a token that the service asks for, or that is about to
/// end, is renewed over the connection that is up.
///
/// Cloning it gives another handle of the same client. Dropping the last one, those of its [`Auth`] included, ends
/// the client and its connection.
#[derive(Clone)]
pub struct Realtime(Arc<Shared>);

struct Shared {
    auth: Auth,
    views: watch::Receiver<ConnectionViews>,
    changes: StateChanges,
}

impl Realtime {
    /// Starts building a client with these options.
    pub fn builder(options: ClientOptions) -> Builder<Realtime> {
        Builder::new(options)
    }

    pub(super) fn new(auth: Auth, outlets: ConnectionOutlets) -> Self {
        let ConnectionOutlets { views, changes } = outlets;
        Realtime(Arc::new(Shared { auth, views, changes }))
    }

    /// The Auth object (`RTC4`). Its `authorize` ends when the connection has accepted the token (`RTC8`).
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Connects, unless it is connecting or connected already (`RTN11`). Waiting for the next attempt ends at once.
    pub fn connect(&self) {
        self.0.auth.driver().connect();
    }

    /// Waits for the connection to be up. It does not make it connect.
    ///
    /// # Errors
    ///
    /// Why the connection is suspended, closed or failed: its error reason, or 80017/400. 40000/400 (of kind misuse)
    /// once the runtime that the client was built in is gone.
    pub async fn connected(&self) -> Result<(), Error> {
        use ConnectionState::{Closed, Connected, Failed, Suspended};

        let is_settled = |views: &ConnectionViews| matches!(views.state, Connected | Suspended | Closed | Failed);
        match self.0.views.clone().wait_for(is_settled).await {
            Ok(views) if views.state == Connected => Ok(()),
            Ok(views) => Err(views.error_reason.clone().unwrap_or_else(closed)),
            Err(_) => Err(client_has_ended()),
        }
    }

    /// Closes the connection (`RTN12`), and waits until it is closed. One that has failed stays so.
    ///
    /// Dropping the future leaves it closing.
    pub async fn close(&self) {
        self.0.auth.driver().close();
        // Once the client has ended, so has the connection.
        let _ = self.0.views.clone().wait_for(|views| views.state != ConnectionState::Closing).await;
    }

    /// Says whether there is a network, where the operating system tells (`RTN20`): a connection that cannot work any
    /// more is left at once, and one that may work again is tried at once.
    pub fn network(&self, up: bool) {
        let _ = self.0.auth.driver().tell(ConnectionInput::Network { up }.into());
    }

    /// Sends a frame of the application's. It waits while thirty-two are on their way out, so that a slow network slows
    /// the sender down. When it returns the frame is on its way: not acknowledged, and lost if the connection is.
    ///
    /// # Errors
    ///
    /// 80003/400 where the connection is not up, 40000/400 for a frame that is the connection's own, such as AUTH or
    /// CLOSE, and once the runtime that the client was built in is gone.
    pub async fn send(&self, message: ProtocolMessage) -> Result<(), Error> {
        let driver = self.0.auth.driver();
        let turn = loop {
            match driver.turns() {
                // Not connected, as sending then finds.
                None => break None,
                Some(turns) => match turns.acquire_owned().await {
                    Ok(turn) => break Some(turn),
                    // The connection was lost meanwhile. It may be back.
                    Err(_) => continue,
                },
            }
        };
        driver.send(message, turn).unwrap_or_else(|| Err(client_has_ended()))
    }

    /// The frames for the application from now on: those that are not about the connection itself.
    ///
    /// There is one reader; the frames of an earlier one end. Frames that come while there is none are dropped, so a
    /// client that recovers a connection calls this before it connects.
    ///
    /// Sixty-four frames wait for their reader. Then nothing more is read from the socket, whatever it is, until the
    /// reader goes on: none is lost, and a reader that is slow slows the server down. As long as that lasts the
    /// connection does not count as silent; but neither do the server's requests for a token get through, nor is a
    /// loss of the connection noticed.
    pub fn frames(&self) -> Frames {
        self.0.auth.driver().frames().unwrap_or_else(Frames::ended)
    }

    /// The state of the connection (`RTN4d`).
    pub fn state(&self) -> ConnectionState {
        self.0.views.borrow().state
    }

    /// The connection's id (`RTN8`), if it has one.
    pub fn id(&self) -> Option<String> {
        self.0.views.borrow().id.clone()
    }

    /// The connection's key (`RTN9`), if it has one.
    pub fn key(&self) -> Option<Secret> {
        self.0.views.borrow().key.clone()
    }

    /// The error of the last change for the worse (`RTN25`).
    pub fn error_reason(&self) -> Option<Error> {
        self.0.views.borrow().error_reason.clone()
    }

    /// A key to recover the connection with in another life of the application, by the option `recover` (`RTN16g`).
    /// `None` where there is nothing to recover.
    pub fn create_recovery_key(&self) -> Option<Secret> {
        self.0.auth.driver().look_at_session(|session| session.connection().create_recovery_key())?
    }

    /// The changes of the connection from now on (`RTN4`).
    pub fn state_changes(&self) -> StateChanges {
        self.0.changes.resubscribe()
    }
}

impl fmt::Debug for Realtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views = self.0.views.borrow();
        f.debug_struct("Realtime")
            .field("state", &views.state)
            .field("id", &views.id)
            .field("error_reason", &views.error_reason)
            .field("auth", &self.0.auth)
            .finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Misuse, codes::CONNECTION_CLOSED, 400, "the connection is closed: connect it again")
}
