//! What a machine costs in memory and allocations.

use std::mem::size_of_val;

use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::{Action, AuthMachine, CallbackValue, Error, ErrorKind, Event, Now, OperationId, Outcome};
use allocation_counter::measure;

const NOW: Now = Now::new(1_000, 1_700_000_000_000);

/// A machine with a token of the usual length.
fn machine() -> AuthMachine {
    let options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
    let mut machine = AuthMachine::new(options, [7; 32], NOW).expect("options");
    let operation = machine.credentials(NOW);
    renew(&mut machine, operation);
    assert!(machine.poll_action().is_none());
    machine
}

fn renew(machine: &mut AuthMachine, operation: OperationId) {
    loop {
        match machine.poll_action().expect("the operation goes on") {
            Action::InvokeCallback { id, .. } => {
                let value = CallbackValue::Token("appId.a-token-of-the-usual-length-0123456789".into());
                machine.handle_event(Event::CallbackResult { id, value }, NOW);
            }
            Action::Complete { operation: completed, outcome } => {
                assert!(completed == operation && matches!(outcome, Ok(Outcome::Credentials(_))));
                return;
            }
            _ => {}
        }
    }
}

#[test]
fn an_idle_machine_with_a_token_takes_a_kibibyte_at_most() {
    let mut machine = None;
    let heap = measure(|| machine = Some(self::machine())).bytes_current;
    let stack = size_of_val(&machine);
    let total = heap + i64::try_from(stack).expect("a size");
    println!("{total} bytes: {stack} of the machine itself, {heap} on the heap");
    assert!(total <= 1_024, "{total} bytes: {stack} and {heap}");
}

#[test]
fn credentials_with_a_token_in_hand_allocate_nothing() {
    let mut machine = machine();
    let allocations = measure(|| {
        let operation = machine.credentials(NOW);
        let action = machine.poll_action();
        assert!(matches!(action, Some(Action::Complete { operation: completed, .. }) if completed == operation));
        assert!(machine.poll_action().is_none());
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn a_renewal_makes_a_bounded_number_of_allocations() {
    const LIMIT: u64 = 32;
    let mut machine = machine();
    let token = machine.token_details().expect("a token").token.clone();
    let allocations = measure(|| {
        let error = Error::new(ErrorKind::Rejected, 40142, 401, "token expired");
        machine.handle_event(Event::TokenRejected { token, error }, NOW);
        let operation = machine.credentials(NOW);
        renew(&mut machine, operation);
    });
    println!("{} allocations", allocations.count_total);
    assert!(allocations.count_total <= LIMIT, "{} allocations", allocations.count_total);
}

#[test]
fn nothing_is_left_of_what_has_been() {
    let mut machine = machine();
    let heap = measure(|| {
        for _ in 0..1_000 {
            let token = machine.token_details().expect("a token").token.clone();
            let error = Error::new(ErrorKind::Rejected, 40142, 401, "token expired");
            machine.handle_event(Event::TokenRejected { token, error }, NOW);
            let operation = machine.credentials(NOW);
            renew(&mut machine, operation);
            assert!(machine.poll_action().is_none());
        }
    });
    assert!(heap.bytes_current <= 64, "{} bytes more than before", heap.bytes_current);
}
