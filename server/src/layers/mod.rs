//! What happens to every request around its handler.

mod base;
mod callers;
mod cors;
mod guard;
mod headers;
mod observe;
mod panics;

pub(crate) use base::below;
pub(crate) use callers::callers;
pub(crate) use cors::{cors, preflight, preflights};
pub(crate) use guard::guard;
pub(crate) use headers::security_headers;
pub(crate) use observe::observe;
pub(crate) use panics::panic_answer;
