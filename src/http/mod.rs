//! HTTP as plain data: requests, responses and failures that no HTTP client's types show through.

mod headers;
mod message;
mod url;

pub use headers::Headers;
pub(crate) use headers::{is_token, sendable_value};
pub use message::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
pub use url::Url;
