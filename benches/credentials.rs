//! Credentials with a token in hand, and what it takes to replace the token; with the allocations they make.

use std::hint::black_box;
use std::sync::Arc;

use ably_auth::http::{Headers, HttpResponse};
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::{Action, AuthMachine, CallbackValue, Error, ErrorKind, Event, Now, OperationId, Outcome, RestRequest};
use divan::Bencher;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

const NOW: Now = Now::new(1_000, 1_700_000_000_000);

fn main() {
    divan::main();
}

fn machine() -> AuthMachine {
    let options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
    let mut machine = AuthMachine::new(options, [7; 32], NOW).expect("options");
    let operation = machine.credentials(NOW);
    renew(&mut machine, operation);
    machine
}

/// Answers the callback, and takes actions until the operation has ended.
fn renew(machine: &mut AuthMachine, operation: OperationId) -> Outcome {
    loop {
        match machine.poll_action().expect("the operation goes on") {
            Action::InvokeCallback { id, .. } => {
                let value = CallbackValue::Token("appId.a-token-of-the-usual-length-0123456789".into());
                machine.handle_event(Event::CallbackResult { id, value }, NOW);
            }
            Action::Complete { operation: completed, outcome } if completed == operation => {
                return outcome.expect("a token");
            }
            _ => {}
        }
    }
}

/// A command and its answer.
#[divan::bench]
fn credentials(bencher: Bencher<'_, '_>) {
    let mut machine = machine();
    bencher.bench_local(|| {
        machine.credentials(black_box(NOW));
        machine.poll_action()
    });
}

/// The view, which judges nothing.
#[divan::bench]
fn peek_credentials(bencher: Bencher<'_, '_>) {
    let machine = machine();
    bencher.bench_local(|| black_box(&machine).peek_credentials().map(|credentials| credentials.authorization().len()));
}

/// The limit of `credentials`: sharing the text of a header.
#[divan::bench]
fn raw_shared_header(bencher: Bencher<'_, '_>) {
    let header: Arc<str> = "Bearer appId.a-token-of-the-usual-length-0123456789".into();
    bencher.bench_local(|| Arc::clone(black_box(&header)));
}

/// What a client does that keeps no header: putting it together.
#[divan::bench]
fn raw_new_header(bencher: Bencher<'_, '_>) {
    let token = "appId.a-token-of-the-usual-length-0123456789";
    bencher.bench_local(|| format!("Bearer {}", black_box(token)));
}

/// A rejection reported from elsewhere, the callback, the new token, the completion.
#[divan::bench]
fn renewal(bencher: Bencher<'_, '_>) {
    let mut machine = machine();
    bencher.bench_local(|| {
        let token = machine.token_details().expect("a token").token.clone();
        let error = Error::new(ErrorKind::Rejected, 40142, 401, "token expired");
        machine.handle_event(Event::TokenRejected { token, error }, NOW);
        let operation = machine.credentials(NOW);
        renew(&mut machine, operation)
    });
}

/// A request and its response, with so many others under way.
#[divan::bench(args = [0, 100, 10_000])]
fn request(bencher: Bencher<'_, '_>, others: usize) {
    let mut machine = machine();
    for _ in 0..others {
        machine.request(RestRequest::new("GET", "/channels/test"), NOW);
    }
    while machine.poll_action().is_some() {}
    bencher.bench_local(|| {
        machine.request(RestRequest::new("GET", "/channels/test"), NOW);
        let Some(Action::SendHttp { id, .. }) = machine.poll_action() else { panic!("a request is sent") };
        machine.handle_event(Event::HttpResponse { id, response: HttpResponse::new(200, Headers::new(), "{}") }, NOW);
        black_box(machine.poll_timeout());
        machine.poll_action()
    });
}
