//! The bounded way from requests to the writer.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Forget, Forgotten, NewBatch, StoreError};

/// What an event takes beside its payload, roughly.
const EVENT_BYTES: usize = 384;
/// How old the last answer about writing may be.
const CHECK_AGE: Duration = Duration::from_secs(1);
/// A writer that is silent for longer is reported as stuck.
const CHECK_WAIT: Duration = Duration::from_secs(5);

/// Work for the writer. Who waits for an answer may leave; the work is done all the same.
pub(super) enum Command {
    Insert(Insert),
    Check(oneshot::Sender<Result<(), StoreError>>),
    Forget(ForgetStep),
}

/// One step of forgetting and who waits for it.
pub(super) struct ForgetStep {
    pub(super) what: Forget,
    answer: oneshot::Sender<Result<Forgotten, StoreError>>,
}

impl ForgetStep {
    /// Tells who waits, if they still do.
    pub(super) fn answer(self, outcome: Result<Forgotten, StoreError>) {
        let _ = self.answer.send(outcome);
    }
}

/// A batch and who waits for it.
pub(super) struct Insert {
    pub(super) batch: NewBatch,
    answer: oneshot::Sender<Result<u64, StoreError>>,
    room: OwnedSemaphorePermit,
}

impl Insert {
    pub(super) fn new(
        batch: NewBatch,
        answer: oneshot::Sender<Result<u64, StoreError>>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self { batch, answer, room }
    }

    /// Tells who waits, if they still do. The room is given back first: who has the answer may send again.
    pub(super) fn answer(self, outcome: Result<u64, StoreError>) {
        drop(self.room);
        let _ = self.answer.send(outcome);
    }
}

/// What is committed together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) inserts: Vec<Insert>,
    pub(super) checks: Vec<oneshot::Sender<Result<(), StoreError>>>,
    /// Comes after the others, in a transaction of its own.
    pub(super) forget: Option<ForgetStep>,
}

impl Group {
    /// Takes what waits already; waiting for more would only delay the first.
    pub(super) fn gather(first: Command, incoming: &Receiver<Command>, most_events: usize) -> Self {
        let mut group = Self::default();
        let mut events = 0;
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Insert(insert) => {
                    events += insert.batch.events.len();
                    group.inserts.push(insert);
                }
                Command::Check(answer) => group.checks.push(answer),
                // what came later is not kept waiting by more than one step
                Command::Forget(step) => {
                    group.forget = Some(step);
                    break;
                }
            }
            next = if events < most_events { incoming.try_recv().ok() } else { None };
        }
        group
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inserts.is_empty() && self.checks.is_empty()
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &NewBatch> + Clone {
        self.inserts.iter().map(|insert| &insert.batch)
    }

    /// Tells all who wait: each how many of its events were new, or what went wrong.
    pub(super) fn answer(self, outcome: &Result<Vec<u64>, StoreError>) {
        for (index, insert) in self.inserts.into_iter().enumerate() {
            // a writer that miscounts has failed
            insert.answer(outcome.as_ref().map_err(Clone::clone).and_then(|inserted| {
                inserted
                    .get(index)
                    .copied()
                    .ok_or_else(|| StoreError::Internal("no count for a batch".to_owned()))
            }));
        }
        for check in self.checks {
            // who asked may have left
            let _ = check.send(outcome.as_ref().map(|_| ()).map_err(Clone::clone));
        }
    }
}

/// The last outcome of a write, by whomever, and when the writer was last seen to move.
#[derive(Debug)]
pub(super) struct Health {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
    moved: Mutex<Instant>,
}

impl Default for Health {
    fn default() -> Self {
        Self { last: Mutex::default(), moved: Mutex::new(Instant::now()) }
    }
}

impl Health {
    /// The writer has come a step further, whether well or not.
    pub(super) fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn moved_within(&self, time: Duration) -> bool {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= time
    }

    /// Notes an outcome and says in the log when it differs in kind from the one before.
    pub(super) fn note(&self, outcome: Result<(), &StoreError>) {
        self.moved();
        let changed = self.change(outcome.map_err(Clone::clone));
        match outcome {
            Err(error) if changed => tracing::error!(%error, "events cannot be stored"),
            Ok(()) if changed => tracing::info!("events are stored again"),
            _ => {}
        }
    }

    fn change(&self, outcome: Result<(), StoreError>) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let was_ok = last.as_ref().is_none_or(|(_, outcome)| outcome.is_ok());
        let changed = was_ok != outcome.is_ok();
        *last = Some((Instant::now(), outcome));
        changed
    }

    pub(super) fn recent(&self) -> Option<Result<(), StoreError>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < CHECK_AGE).map(|(_, outcome)| outcome.clone())
    }
}

/// The requests' end of the queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// Gone once the store is closed.
    commands: Mutex<Option<SyncSender<Command>>>,
    room: Arc<Semaphore>,
    bytes: u32,
    health: Arc<Health>,
    checking: tokio::sync::Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Queue {
    pub(super) fn new(
        commands: SyncSender<Command>,
        bytes: usize,
        health: Arc<Health>,
        thread: JoinHandle<()>,
    ) -> Self {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Self {
            commands: Mutex::new(Some(commands)),
            room: Arc::new(Semaphore::new(bytes as usize)),
            bytes,
            health,
            checking: tokio::sync::Mutex::new(()),
            thread: Mutex::new(Some(thread)),
        }
    }

    /// Queues a batch at once or refuses it at once, then waits for its commit.
    pub(super) async fn insert(&self, batch: NewBatch) -> Result<u64, StoreError> {
        if batch.events.is_empty() {
            return Ok(0);
        }
        let weight: usize = batch.events.iter().map(|event| event.payload.len() + EVENT_BYTES).sum();
        // a batch heavier than the whole queue still gets in when it is alone
        let weight = u32::try_from(weight).unwrap_or(u32::MAX).min(self.bytes);
        let room = Arc::clone(&self.room).try_acquire_many_owned(weight).map_err(|_| full())?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Insert(Insert::new(batch, answer, room)))?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether a write works now: the last write's outcome if it is fresh, else that of a tiny one.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.checking.lock().await;
        if let Some(outcome) = self.health.recent().filter(|_| self.is_open()) {
            return outcome;
        }
        self.ask().await
    }

    /// The outcome of a tiny write.
    async fn ask(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Check(answer))?;
        match tokio::time::timeout(CHECK_WAIT, answered).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(StoreError::Unavailable("the writer does not answer".to_owned())),
        }
    }

    /// Takes one step of forgetting, after what waits already.
    pub(super) async fn forget(&self, what: Forget) -> Result<Forgotten, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Forget(ForgetStep { what, answer }))?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether the writer moves: it has come a step further within that time, be it only to a failure. One that has
    /// had nothing to do is given something.
    pub(super) async fn is_moving(&self, within: Duration) -> bool {
        if !self.health.moved_within(within) {
            // how it ends is no matter: a writer that moves notes it
            let _ = self.ask().await;
        }
        self.health.moved_within(within)
    }

    fn is_open(&self) -> bool {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let commands =
            commands.as_ref().ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))?;
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => gone(),
        })
    }

    /// Refuses later work, waits until what is queued is stored and the file is closed.
    pub(super) async fn close(&self) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // the writer catches panics itself; one that gets here was already reported by the panic hook
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn full() -> StoreError {
    StoreError::Unavailable("too many events are waiting to be stored".to_owned())
}

fn gone() -> StoreError {
    StoreError::Internal("the writer is gone".to_owned())
}
