-- Chains that ended because headquarters holds another one under the same device (F27), or because the
-- key they were signed with is not this phone's. Never deleted: what was written stays as it was.
-- Columns as in entries; again: hash of the entry that says the same in the chain that followed,
-- NULL when none was needed.
CREATE TABLE former (
    device         BLOB    NOT NULL,
    seq            INTEGER NOT NULL,
    hash           BLOB    NOT NULL,
    doc            BLOB    NOT NULL,
    header         BLOB    NOT NULL,
    change         BLOB    NOT NULL,
    change_hash    BLOB    NOT NULL,
    state          INTEGER NOT NULL,
    refused_code   TEXT    NOT NULL,
    refused_detail TEXT    NOT NULL,
    log_index      INTEGER,
    again          BLOB,
    PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_doc ON former (doc);
-- What is shown in quarantine is counted with every status.
CREATE INDEX former_refused ON former (device, seq) WHERE state = 2;

-- Headquarters' receipts for them.
CREATE TABLE former_receipts (
    device    BLOB    NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    hq_epoch  INTEGER NOT NULL,
    receipt   BLOB    NOT NULL,
    PRIMARY KEY (device, last_seq, first_seq, hq_epoch)
) STRICT, WITHOUT ROWID;

-- photos.seq of a photo of a former chain: 0 when headquarters has its record, below 0 when it is in quarantine.
