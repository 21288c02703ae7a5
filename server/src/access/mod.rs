//! Who may send and who may watch, for a running server: the configuration, and what the store keeps, looked at twice a
//! second. The store decides what changes; here is what is in force.

mod changes;
mod roster;
mod seen;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::{Clock, ErrorCode, Problem, SourceId, Timestamp};

pub use changes::ChangeError;
pub use roster::Roster;
use seen::Seen;
pub use wire::{registered_sources, viewer_token, viewer_tokens};

use crate::auth::{Holder, Viewer, bearer};
use crate::config::Access;
use crate::store::{AccessStore, StoreError, token_digest};

/// How often a server looks whether somebody has changed who may.
pub const POLL: Duration = Duration::from_millis(500);
/// After this time every running server knows of a change.
pub const KNOWN_EVERYWHERE: Duration = Duration::from_secs(1);
/// How often what was seen is written down.
const NOTE_EVERY: Duration = Duration::from_secs(15);
/// A server that could not look for longer says so.
const STALE_AFTER: Duration = Duration::from_secs(10);
/// Longest time between two looks at whether a viewer's token has ended.
const LOOK_AT_VIEWER: Duration = Duration::from_secs(30);

/// Who may send and who may watch.
#[derive(Debug)]
pub struct Registry {
    configured: Access,
    /// None where nothing is kept.
    store: Option<AccessStore>,
    roster: watch::Sender<Arc<Roster>>,
    seen: Seen,
    /// When the store was last looked at.
    refreshed: Mutex<Instant>,
    /// One look at a time, so that an older one never follows a newer.
    refreshing: tokio::sync::Mutex<()>,
    clock: Clock,
}

impl Registry {
    /// What stands in the configuration and nothing else.
    pub fn of_configuration(configured: Access) -> Self {
        Self::new(configured, None, Clock::System)
    }

    /// What stands in the configuration and what the store keeps.
    pub async fn open(configured: Access, store: AccessStore, clock: Clock) -> Result<Self, StoreError> {
        let registry = Self::new(configured, Some(store), clock);
        registry.refresh().await?;
        Ok(registry)
    }

    fn new(configured: Access, store: Option<AccessStore>, clock: Clock) -> Self {
        let roster = Arc::new(Roster::new(configured.keys(), None));
        Self {
            configured,
            store,
            roster: watch::Sender::new(roster),
            seen: Seen::default(),
            refreshed: Mutex::new(Instant::now()),
            refreshing: tokio::sync::Mutex::new(()),
            clock,
        }
    }

    /// Whether everybody on this machine may send and watch.
    pub fn is_open(&self) -> bool {
        matches!(self.configured, Access::Open)
    }

    /// Whether an unknown source and a bad signature are told apart by nothing.
    pub fn is_uniform(&self) -> bool {
        matches!(self.configured, Access::Guarded { uniform_errors: true, .. })
    }

    /// Whether the source stands in the configuration.
    pub fn is_configured(&self, source: &SourceId) -> bool {
        self.configured.keys().of(source).is_some()
    }

    /// What is in force.
    pub fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.borrow())
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether nobody may send, and whether nobody may watch.
    pub fn admits_nobody(&self) -> (bool, bool) {
        let roster = self.roster();
        match &self.configured {
            Access::Open => (false, false),
            Access::Guarded { token, .. } => {
                (roster.has_no_senders(), token.is_none() && roster.has_no_viewers())
            }
        }
    }

    /// Who shows the token in the request's header.
    pub fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        if self.is_open() {
            return Ok(Viewer::anybody());
        }
        match bearer(headers) {
            None => Err(Problem::new(
                ErrorCode::MissingAuth,
                "The header Authorization is missing: 'Bearer' and a token are needed",
            )),
            Some(shown) => shown.and_then(|token| self.viewer_with(token)).ok_or_else(invalid_token),
        }
    }

    /// Who has this token.
    pub fn viewer_with(&self, token: &[u8]) -> Option<Viewer> {
        let Access::Guarded { token: configured, .. } = &self.configured else {
            return Some(Viewer::anybody());
        };
        if configured.as_ref().is_some_and(|configured| configured.is(token)) {
            return Some(Viewer::configured());
        }
        // a digest of a secret of 256 bits tells nothing by how far it was compared
        self.holder_of(Holder::Issued(token_digest(token)))
    }

    /// The viewer that a ticket was given out to, if their token is still good.
    pub fn holder_of(&self, holder: Holder) -> Option<Viewer> {
        match (holder, &self.configured) {
            (_, Access::Open) => Some(Viewer::anybody()),
            (Holder::Anybody, _) => None,
            (Holder::Configured, Access::Guarded { token, .. }) => {
                token.as_ref().map(|_| Viewer::configured())
            }
            (Holder::Issued(digest), _) => {
                let now = self.now();
                let (viewer, _) = self.roster().viewer(&digest, now)?;
                self.seen.token(digest, now);
                Some(viewer)
            }
        }
    }

    /// Returns once a viewer must not go on watching as they do, with the reason: their token has ended, or shows other
    /// sources by now.
    pub async fn ended(&self, viewer: &Viewer) -> Ended {
        let mut changes = self.roster.subscribe();
        loop {
            let Holder::Issued(digest) = viewer.holder else { return std::future::pending().await };
            let now = self.now();
            let found = changes.borrow_and_update().viewer(&digest, now);
            let expires = match found {
                None => return Ended::Token,
                Some((current, _)) if current != *viewer => return Ended::Scope,
                Some((_, expires)) => expires,
            };
            let left = expires.map_or(i64::MAX, |expires| expires.since(now));
            let left = Duration::from_micros(left.unsigned_abs()).min(LOOK_AT_VIEWER);
            tokio::select! {
                // the sender lives as long as this value
                _ = changes.changed() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Notes that a signed request of a source was let in, with what its monitor calls itself.
    pub fn saw_source(&self, source: &Arc<SourceId>, headers: &HeaderMap) {
        if self.notes_who_is_seen() {
            let user_agent = headers.get(axum::http::header::USER_AGENT).and_then(|text| text.to_str().ok());
            self.seen.source(source, user_agent, self.now());
        }
    }

    /// Notes the time of the latest event of what a source stored.
    pub fn saw_event(&self, source: &Arc<SourceId>, newest: Option<Timestamp>) {
        if let Some(newest) = newest.filter(|_| self.notes_who_is_seen()) {
            self.seen.event(source, newest, self.now());
        }
    }

    /// Where anybody may use any name, or nothing is kept, nobody is.
    fn notes_who_is_seen(&self) -> bool {
        !self.is_open() && self.store.is_some()
    }

    /// Reads again what the store keeps, if it has changed.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let _one_at_a_time = self.refreshing.lock().await;
        let known = self.roster.borrow().version();
        if let Some(snapshot) = store.snapshot_unless(known).await? {
            self.roster.send_replace(Arc::new(Roster::new(self.configured.keys(), Some(&snapshot))));
        }
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(())
    }

    /// For how long changes could not be looked for, where that is worth a word.
    pub fn stale_for(&self) -> Option<Duration> {
        self.store.as_ref()?;
        let refreshed = *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        Some(refreshed.elapsed()).filter(|elapsed| *elapsed >= STALE_AFTER)
    }

    /// Writes down what was seen. What cannot be written is forgotten: the next requests tell as much.
    pub async fn note(&self) {
        let Some(store) = &self.store else { return };
        let (seen, used) = self.seen.take();
        if seen.is_empty() && used.is_empty() {
            return;
        }
        if let Err(error) = store.note(seen, used).await {
            tracing::warn!(%error, "when sources and tokens were last seen cannot be written down");
        }
    }

    /// Looks for changes and writes down what was seen, until the server stops.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        if self.store.is_none() {
            return;
        }
        let (mut noted, mut is_well) = (Instant::now(), true);
        while stop.run_until_cancelled(tokio::time::sleep(POLL)).await.is_some() {
            let outcome = self.refresh().await;
            let was_well = std::mem::replace(&mut is_well, outcome.is_ok());
            match outcome {
                Err(error) if was_well => tracing::error!(
                    %error,
                    "it cannot be read who may send and who may watch; what was known stays in force"
                ),
                Ok(()) if !was_well => tracing::info!("it is known again who may send and who may watch"),
                _ => {}
            }
            if is_well && noted.elapsed() >= NOTE_EVERY {
                noted = Instant::now();
                self.note().await;
            }
        }
    }
}

/// Why a viewer must not go on watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The token was revoked or replaced, or has expired.
    Token,
    /// The token shows other sources now.
    Scope,
}

fn invalid_token() -> Problem {
    Problem::new(ErrorCode::InvalidToken, "The token is not the right one")
}

#[cfg(test)]
mod tests;
