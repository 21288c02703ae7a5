//! Who may send and who may watch. Knows no route.

mod keys;
mod signed;
mod tickets;
mod viewer;

pub use keys::{InvalidKeys, Keys};
pub use signed::{SignedBody, receive};
pub use tickets::{TICKET_LIFETIME, Tickets, new_ticket, ticket_digest};
pub use viewer::{Token, bearer, check_bearer};

/// Who may send.
#[derive(Debug, Clone)]
pub enum Senders {
    /// Whoever signs with a registered key.
    Registered(Keys),
    /// Everybody, under any name.
    Anybody,
}

/// Who may watch.
#[derive(Debug, Clone)]
pub enum Viewers {
    /// Whoever shows the token.
    Holders(Token),
    /// Everybody.
    Anybody,
}
