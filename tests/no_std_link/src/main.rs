//! Links the crate, with no features, into a program that has no standard library: its own allocator, its own panic
//! handler, and of the C library only what starts and ends a process.
//!
//! If the crate or a dependency pulled `std` in, there would be two panic handlers and this would not build. What it
//! then does shows that the linked code works: it signs, gets a token, loses it and gets another.
//! The exit status is 0, or the line of the step that failed, modulo 256.
#![no_std]
#![no_main]

extern crate alloc;

mod heap;

use core::ffi::{c_char, c_int};

use ably_auth::options::{ApiKey, AuthOptions, ClientOptions};
use ably_auth::wire::{Error, Secret, TokenParams};
use ably_auth::{Action, AuthMachine, CallbackId, CallbackValue, Event, Now, OperationId, Outcome, sign};

#[link(name = "c")]
unsafe extern "C" {
    fn exit(status: c_int) -> !;
}

#[panic_handler]
fn on_panic(panic: &core::panic::PanicInfo<'_>) -> ! {
    let status = panic.location().map_or(255, |location| location.line() as c_int);
    // SAFETY: `exit` may be called from anywhere.
    unsafe { exit(status) }
}

/// The distributed `alloc` is built to unwind and names what would do it. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    panic!("nothing unwinds")
}

/// What the C start-up code calls.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    match signs_a_request().and_then(|()| renews_a_rejected_token()) {
        Ok(()) => 0,
        Err(_) => 254,
    }
}

fn signs_a_request() -> Result<(), Error> {
    let key: ApiKey = "appId.keyId:keySecret".parse()?;
    let request = sign::sign(&key, &TokenParams::default(), 1_700_000_000_000, "0123456789abcdef")?;
    let mac = request.mac.as_ref().map(Secret::expose);
    assert_eq!(mac, Some("hof9jY3Ir8CZuMxMW/MEF7NHdZ61VWK2ByjCJDseUO0="));
    assert!(sign::verify(&key, &request).is_ok());
    Ok(())
}

fn renews_a_rejected_token() -> Result<(), Error> {
    let now = Now::new(0, 1_700_000_000_000);
    let options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
    let mut machine = AuthMachine::new(options, [7; 32], now)?;

    let wanted = machine.credentials(now);
    let callback = next_callback(&mut machine);
    machine.handle_event(returned(callback, "first"), now);
    assert!(completed_with(&mut machine, wanted, "Bearer first"));

    let error = Error::new(ably_auth::ErrorKind::Rejected, 40142, 401, "token expired");
    machine.handle_event(Event::TokenRejected { token: "first".into(), error }, now);
    let wanted = machine.credentials(now);
    let callback = next_callback(&mut machine);
    machine.handle_event(returned(callback, "second"), now);
    assert!(completed_with(&mut machine, wanted, "Bearer second"));
    assert!(machine.poll_timeout().is_none());
    Ok(())
}

fn returned(id: CallbackId, token: &str) -> Event {
    Event::CallbackResult { id, value: CallbackValue::Token(token.into()) }
}

fn next_callback(machine: &mut AuthMachine) -> CallbackId {
    while let Some(action) = machine.poll_action() {
        if let Action::InvokeCallback { id, .. } = action {
            return id;
        }
    }
    panic!("the machine asks for no token");
}

fn completed_with(machine: &mut AuthMachine, wanted: OperationId, authorization: &str) -> bool {
    while let Some(action) = machine.poll_action() {
        if let Action::Complete { operation, outcome: Ok(Outcome::Credentials(credentials)) } = action {
            return operation == wanted && credentials.authorization() == authorization;
        }
    }
    false
}
