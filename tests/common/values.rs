//! Random values for property tests.

pub(crate) use ably_auth::testkit::strategies::arbitrary as value;
