//! Who may send and who may watch. Knows no route.

mod body;
mod guesses;
mod keys;
mod signed;
mod tickets;
mod unverified;
mod verify;
mod viewer;

pub(crate) use body::linger;
pub use guesses::Guesses;
pub use keys::{InvalidKeys, Keys};
pub use signed::{SignedBody, receive, receive_unsigned};
pub use tickets::{TICKET_LIFETIME, Tickets, new_ticket, ticket_digest};
pub use unverified::Unverified;
pub use viewer::{Holder, Token, Viewer, bearer};
