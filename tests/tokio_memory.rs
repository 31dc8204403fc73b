//! What a client costs: kilobytes, since TLS roots and connections are shared.
#![cfg(feature = "tokio")]

use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::tokio::Auth;
use allocation_counter::measure;
use tokio::runtime::Builder;
use tokio::task::yield_now;

/// Run with `--nocapture` to see the figure.
#[test]
fn one_more_client_costs_a_few_kilobytes() {
    const CLIENTS: u64 = 100;
    const MAX_BYTES: u64 = 8 * 1024;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let build = || {
        runtime.block_on(async {
            let auth = Auth::builder(ClientOptions::with_auth(AuthOptions::with_key("app.key:secret").unwrap()));
            let auth = auth.build().unwrap();
            // The driver has started, and has done its first command.
            auth.create_token_request(None, None).await.unwrap();
            yield_now().await;
            auth
        })
    };
    let mut clients = Vec::with_capacity(1 + CLIENTS as usize);

    let first = measure(|| clients.push(build()));
    let others = measure(|| clients.extend((0..CLIENTS).map(|_| build())));

    let each = u64::try_from(others.bytes_current).unwrap() / CLIENTS;
    println!("the first client: {} bytes; each further one: {each} bytes", first.bytes_current);
    assert!(each <= MAX_BYTES, "{each} bytes");
}
