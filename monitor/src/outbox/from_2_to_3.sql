-- Room for the server's question for history. Made once, never changed: stores out there depend on it.

CREATE TABLE history (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    asked INTEGER NOT NULL,
    done INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
