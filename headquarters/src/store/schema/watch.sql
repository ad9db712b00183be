-- The watch (R23) and what the clerk's work leaves behind outside the documents.
-- Who was on watch: exactly one at each moment since the first; a row ends where the next begins.
CREATE TABLE watch (
    n        INTEGER NOT NULL PRIMARY KEY,
    person   TEXT    NOT NULL REFERENCES staff (id),
    from_ms  INTEGER NOT NULL,
    -- What the one before left to say.
    handover TEXT    NOT NULL
) STRICT;

-- When the clock has to look at an open order next; 0: it was written since the clock looked. A
-- cache of the documents.
CREATE TABLE clock (
    doc INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    at  INTEGER NOT NULL
) STRICT;
CREATE INDEX clock_by_time ON clock (at);

-- Who is planned to be. Shifts do not overlap.
CREATE TABLE shifts (
    n       INTEGER NOT NULL PRIMARY KEY,
    person  TEXT    NOT NULL REFERENCES staff (id),
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX shifts_by_time ON shifts (from_ms);

-- A deputy leader's choice that may become a row of the next catalogue (R27).
CREATE TABLE catalog_proposals (
    n         INTEGER NOT NULL PRIMARY KEY,
    doc       INTEGER NOT NULL REFERENCES docs (n),
    words     TEXT    NOT NULL,
    lead_unit TEXT    NOT NULL,
    support   TEXT    NOT NULL,
    urgency   TEXT    NOT NULL,
    by        TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    -- NULL while it waits; the catalogue's version that took it, or empty when declined.
    taken_by  TEXT,
    -- The row as it was adopted, as JSON: what the next published catalogue is to keep.
    adopted   TEXT
) STRICT;
