-- What was forgotten, and who was asked for their history again.

-- Events before `through` (microseconds since 1970) are forgotten, and so are their ids: one that comes is taken for a
-- repetition. Counts before `counts` are forgotten as well. Neither moves back. `newest` is the newest place that had
-- been given out when events were last deleted: no place is given out twice.
CREATE TABLE forgotten (
    through INTEGER NOT NULL,
    counts INTEGER NOT NULL,
    newest INTEGER NOT NULL
) STRICT;

INSERT INTO forgotten (through, counts, newest) VALUES (0, 0, 0);

-- A source that has done another number than its own or that of all, which stands under the empty name, reads its
-- transcripts once more. Numbers are times, so that a new database asks for another one than the lost one did.
CREATE TABLE asked (
    source TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
