//! Why a chunk was refused.
//!
//! Invariant: one variant per reason and one stable code per variant; codes are shown, stored in
//! the quarantine and counted, so they are never renamed. Rejected alternative: carrying the
//! offending numbers; they come from the sender and would end up in logs.

/// Names the first rule a chunk breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The chunk is longer than allowed.
    #[error("chunk too big")]
    TooBig,
    /// The first four bytes are not automerge's.
    #[error("not an automerge chunk")]
    Magic,
    /// The chunk is a document, a deflated change, a bundle, or of no known type.
    #[error("chunk is not a plain change")]
    ChunkType,
    /// The checksum does not match the body.
    #[error("checksum does not match")]
    Checksum,
    /// The input ends inside a number, a string or a column.
    #[error("input ends too early")]
    Truncated,
    /// Bytes follow the chunk.
    #[error("bytes after the chunk")]
    TrailingBytes,
    /// Bytes follow the columns inside the chunk.
    #[error("bytes after the columns")]
    ExtraBytes,
    /// A number is padded or has more than 64 bits.
    #[error("number not in shortest LEB128 form")]
    BadLeb128,
    /// Text is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// More dependencies than allowed.
    #[error("too many dependencies")]
    TooManyDeps,
    /// Dependencies are not ascending and unique.
    #[error("dependencies out of order")]
    DepsOrder,
    /// An actor id is not 16 bytes long.
    #[error("actor id is not 16 bytes")]
    ActorLength,
    /// More other actors than allowed.
    #[error("too many actors")]
    TooManyActors,
    /// The other actors are not ascending and unique, or name the author.
    #[error("actors out of order")]
    ActorsOrder,
    /// An actor is listed that no operation names.
    #[error("actor listed but not used")]
    UnusedActor,
    /// The sequence number is 0 or above the operation counter.
    #[error("impossible sequence number")]
    Seq,
    /// The first operation's counter is 0 or above the cap.
    #[error("impossible first operation counter")]
    StartOp,
    /// The last operation's counter is above the cap.
    #[error("operation counter above the cap")]
    OpCounter,
    /// The time is further from 1970 than any clock shows.
    #[error("impossible time")]
    Time,
    /// The message is longer than allowed.
    #[error("message too long")]
    MessageLength,
    /// A column is deflated.
    #[error("compressed column")]
    CompressedColumn,
    /// A column specification automerge does not write for map operations.
    #[error("unknown column")]
    UnknownColumn,
    /// Columns are not ascending and unique.
    #[error("columns out of order")]
    ColumnOrder,
    /// A column is listed without content; automerge leaves such columns out.
    #[error("empty column")]
    EmptyColumn,
    /// A column has a null where a flat change has none.
    #[error("null in a column")]
    NullRow,
    /// Runs are split, single or otherwise not as automerge writes them.
    #[error("runs not in canonical form")]
    NotCanonical,
    /// A column has more or fewer rows than there are operations.
    #[error("columns differ in length")]
    RowCount,
    /// The change has no operation.
    #[error("change without operations")]
    NoOps,
    /// More operations than allowed.
    #[error("too many operations")]
    TooManyOps,
    /// An operation makes a map or a table, or works inside one.
    #[error("nested object")]
    NestedObject,
    /// An operation makes a list, or works on a list or text element.
    #[error("list operation")]
    ListOp,
    /// An operation makes a text object.
    #[error("text object")]
    TextObject,
    /// An operation increments a counter.
    #[error("increment")]
    Increment,
    /// An operation marks a span, or links as the first automerge did.
    #[error("mark")]
    Mark,
    /// An action number automerge does not define.
    #[error("unknown action")]
    UnknownAction,
    /// A key is empty or longer than allowed.
    #[error("key length")]
    KeyLength,
    /// A key is written twice in one change.
    #[error("key written twice")]
    DuplicateKey,
    /// A counter is set.
    #[error("counter value")]
    Counter,
    /// A null is set; absence is a deletion.
    #[error("null value")]
    NullValue,
    /// A value is unsigned, a float, bytes, a timestamp or of an unknown type.
    #[error("value type")]
    ValueType,
    /// A text value is longer than allowed.
    #[error("value too long")]
    ValueTooBig,
    /// A value's length does not fit its type, or value bytes are left over.
    #[error("value length")]
    ValueLength,
    /// A deletion carries a value.
    #[error("deletion with a value")]
    DeleteValue,
    /// A deletion names nothing to delete.
    #[error("deletion of nothing")]
    DeleteNothing,
    /// More predecessors than allowed.
    #[error("too many predecessors")]
    TooManyPreds,
    /// A predecessor's actor is not in the change's actor table.
    #[error("predecessor of an unlisted actor")]
    PredActor,
    /// A predecessor's counter is not below the change's own.
    #[error("impossible predecessor counter")]
    PredCounter,
    /// An operation's predecessors are not ascending and unique.
    #[error("predecessors out of order")]
    PredOrder,
}

impl ChunkError {
    /// Returns the stable code of this reason, for quarantine rows, counters and support.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooBig => "too_big",
            Self::Magic => "magic",
            Self::ChunkType => "chunk_type",
            Self::Checksum => "checksum",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::ExtraBytes => "extra_bytes",
            Self::BadLeb128 => "bad_leb128",
            Self::Utf8 => "utf8",
            Self::TooManyDeps => "too_many_deps",
            Self::DepsOrder => "deps_order",
            Self::ActorLength => "actor_length",
            Self::TooManyActors => "too_many_actors",
            Self::ActorsOrder => "actors_order",
            Self::UnusedActor => "unused_actor",
            Self::Seq => "seq",
            Self::StartOp => "start_op",
            Self::OpCounter => "op_counter",
            Self::Time => "time",
            Self::MessageLength => "message_length",
            Self::CompressedColumn => "compressed_column",
            Self::UnknownColumn => "unknown_column",
            Self::ColumnOrder => "column_order",
            Self::EmptyColumn => "empty_column",
            Self::NullRow => "null_row",
            Self::NotCanonical => "not_canonical",
            Self::RowCount => "row_count",
            Self::NoOps => "no_ops",
            Self::TooManyOps => "too_many_ops",
            Self::NestedObject => "nested_object",
            Self::ListOp => "list_op",
            Self::TextObject => "text_object",
            Self::Increment => "increment",
            Self::Mark => "mark",
            Self::UnknownAction => "unknown_action",
            Self::KeyLength => "key_length",
            Self::DuplicateKey => "duplicate_key",
            Self::Counter => "counter",
            Self::NullValue => "null_value",
            Self::ValueType => "value_type",
            Self::ValueTooBig => "value_too_big",
            Self::ValueLength => "value_length",
            Self::DeleteValue => "delete_value",
            Self::DeleteNothing => "delete_nothing",
            Self::TooManyPreds => "too_many_preds",
            Self::PredActor => "pred_actor",
            Self::PredCounter => "pred_counter",
            Self::PredOrder => "pred_order",
        }
    }
}
