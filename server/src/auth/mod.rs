//! Who may send and who may watch. Knows no route.

mod guesses;
mod keys;
mod signed;
mod tickets;
mod verify;
mod viewer;

pub use guesses::Guesses;
pub use keys::{InvalidKeys, Keys};
pub(crate) use signed::linger;
pub use signed::{SignedBody, receive, receive_unsigned};
pub use tickets::{TICKET_LIFETIME, Tickets, new_ticket, ticket_digest};
pub use viewer::{Holder, Token, Viewer, bearer};
