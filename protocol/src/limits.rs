//! Bounds both sides agree on.

/// Most events in one request.
pub const MAX_BATCH_EVENTS: usize = 1000;
/// Largest body of the batch route, in bytes, unless the server is configured otherwise.
pub const MAX_INGEST_BODY: usize = 4 * 1024 * 1024;
/// Largest body of the live route, in bytes.
pub const MAX_EVENTS_BODY: usize = 1024 * 1024;
/// Largest payload as JSON text, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024;
/// Deepest nesting of a payload; the payload object itself is level 1.
pub const MAX_PAYLOAD_DEPTH: usize = 16;
/// Longest source name, in characters.
pub const MAX_SOURCE_CHARS: usize = 128;
/// Longest project name or file basename our monitor sends, in characters.
pub const MAX_NAME_CHARS: usize = 100;
