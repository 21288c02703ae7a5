-- What left this machine. A record, not a promise: it is written without waiting for the disk.

-- A body once, however often it was sent. LZ4 block, with the body's size in `size`.
CREATE TABLE body (
    sha256 BLOB PRIMARY KEY,
    compressed BLOB NOT NULL,
    size INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,            -- µs, when sending began
    destination INTEGER NOT NULL,
    url TEXT NOT NULL,
    key TEXT NOT NULL,              -- the public key of the signature, base64
    signature TEXT NOT NULL,        -- as the header carried it
    events INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    status INTEGER,                 -- HTTP status; without one nothing came back
    answer TEXT                     -- the status with the server's code word, or what became of the connection
) STRICT;
CREATE INDEX request_body ON request (sha256);

-- Requests that were sent while the record could not be written.
CREATE TABLE missed (at INTEGER NOT NULL, requests INTEGER NOT NULL) STRICT;
