-- Looking ahead: forecasts, knowledge, full-text search.
-- Caches of the documents, written with them: what the concentration rule and the search look at.
CREATE TABLE spots (
    doc     INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    matter  TEXT    NOT NULL,
    grid    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    lat_e7  INTEGER,
    lon_e7  INTEGER,
    -- Lead and supporting sections, with spaces between.
    units   TEXT    NOT NULL,
    -- 1: an order of a requester; 2: the master of a cluster; 0: a sub-task, excluded, sent back.
    counted INTEGER NOT NULL
) STRICT;
CREATE INDEX spots_by_time ON spots (at) WHERE counted = 1;
CREATE INDEX spots_masters ON spots (doc) WHERE counted = 2;

CREATE TABLE kb (
    doc        INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    topic      TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    matter     TEXT    NOT NULL,
    owner_unit TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    current    INTEGER NOT NULL,
    -- Suggestions without a decision.
    waiting    INTEGER NOT NULL
) STRICT;
CREATE INDEX kb_by_topic ON kb (topic, version);
CREATE INDEX kb_by_matter ON kb (matter) WHERE current = 1;

-- Words are folded before they come here; each Chinese character is a word.
CREATE VIRTUAL TABLE found USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
-- Knowledge in an index of its own: asked for in one with the orders, each hit of a common word is
-- walked to see that it is none.
CREATE VIRTUAL TABLE known USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
-- What of a document is in there, as a sum, so that only a changed text is written again.
CREATE TABLE found_of (
    doc INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    sum INTEGER NOT NULL
) STRICT;

-- Forecasts are no cache: which orders were together under which parameters, and what people
-- decided about it, is kept as it was.
CREATE TABLE forecasts (
    n        INTEGER NOT NULL PRIMARY KEY,
    -- 'rule', or 'person' who foresees what no order shows yet.
    source   TEXT    NOT NULL,
    matter   TEXT    NOT NULL,
    grids    TEXT    NOT NULL,
    -- The parameters, as JSON; empty for a person.
    rule     TEXT    NOT NULL,
    found_at INTEGER NOT NULL,
    grown_at INTEGER NOT NULL,
    first_at INTEGER,
    last_at  INTEGER,
    lat_e7   INTEGER,
    lon_e7   INTEGER,
    radius_m INTEGER,
    standing TEXT    NOT NULL,
    -- The version of a response plan that is to be used.
    plan     TEXT    NOT NULL DEFAULT '',
    -- The cluster made of it.
    cluster  TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX forecasts_open ON forecasts (matter) WHERE standing <> 'closed';

CREATE TABLE forecast_orders (
    forecast INTEGER NOT NULL REFERENCES forecasts (n),
    doc      INTEGER NOT NULL REFERENCES docs (n),
    found_at INTEGER NOT NULL,
    PRIMARY KEY (forecast, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX forecast_orders_by_doc ON forecast_orders (doc);

-- What people said about a forecast.
CREATE TABLE forecast_words (
    n        INTEGER NOT NULL PRIMARY KEY,
    forecast INTEGER NOT NULL REFERENCES forecasts (n),
    at       INTEGER NOT NULL,
    by       TEXT    NOT NULL,
    standing TEXT    NOT NULL,
    words    TEXT    NOT NULL
) STRICT;
CREATE INDEX forecast_words_by_forecast ON forecast_words (forecast, n);

-- Entries somebody proposes; a section publishes them or drops them.
CREATE TABLE kb_drafts (
    n          INTEGER NOT NULL PRIMARY KEY,
    -- The entry as JSON.
    entry      TEXT    NOT NULL,
    -- The task force or cluster it was made of.
    origin     TEXT    NOT NULL,
    by         TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    -- 'open', 'published' or 'dropped'.
    standing   TEXT    NOT NULL,
    decided_by TEXT    NOT NULL DEFAULT '',
    words      TEXT    NOT NULL DEFAULT '',
    doc        TEXT    NOT NULL DEFAULT ''
) STRICT;
