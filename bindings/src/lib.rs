//! The phone's core as Kotlin, Swift and Python see it.
//!
//! A shell opens a [`Field`] and calls its sub-clients off its main thread; every method blocks
//! only as long as its documentation says. Ids are text, times are UTC milliseconds, texts for
//! people are codes with arguments ([`Phrase`]), errors are sorted by what the shell can do
//! ([`LanewalkError`]).
//!
//! Invariant: no rule lives here. Each method turns its arguments into the core's types, calls the
//! core once inside [`call`](core), and turns the answer into a record for the screen; a panic of
//! the core becomes a typed error, and no lock is held while a foreign trait is called. Rejected:
//! uniffi's derives on the core's own types, which would tie the core's records to what three
//! languages can express.

mod call;
mod device;
mod enums;
mod error;
mod field;
mod foreign;
mod knowledge;
mod live;
mod orders;
mod parse;
mod people;
mod photos;
mod rows;
mod surveys;
mod sync;
mod texts;
mod visits;

pub use device::{Contradicted, Device, Farewell, Identity, Purged, Standing, Witness};
pub use enums::{
    AppealKind, ConfirmedHow, DeviceKey, Language, MeasuredHow, Network, OrderOutcome, Phase, PhotoPart,
    PhotoRole, PhotoScene, PlaceKind, PositionSource, ProposalKind, SurveyAnswer, TalkKind, VisitKind,
    VisitPurpose, VisitResult,
};
pub use error::{LanewalkError, Reason};
pub use field::{Field, OpenConfig, Salvaged, salvage};
pub use foreign::{Connectivity, DeviceSigner, Fix, ForeignError, KeyStore, LogLevel, LogSink, Position};
pub use knowledge::{Knowledge, KnowledgePage, MatterView};
pub use live::{ConflictsListener, OrderPageListener, Watch};
pub use orders::{NewProposal, OrderView, Orders, ProposalView};
pub use people::{CareView, NewCare, NewPerson, NewPlace, People, PersonView, PlaceView};
pub use photos::{
    FontFile, FreedSpace, PhotoFile, PhotoSettings, PhotoShot, PhotoTicket, PhotoView, Photos, StorageView,
};
pub use rows::{
    AppealRow, ConflictValue, ConflictView, Countdown, KnowledgeRow, ListQuery, OrderRow, PersonRow, Place,
    PlaceRow, SearchHit, SurveyRow, TaskForceRow, VisitRow,
};
pub use surveys::{SurveyDoor, SurveyView};
pub use sync::{RefusedEntry, Round, StatusListener, StatusView, StopToken, Sync, WrittenLine};
pub use texts::{Phrase, text_table};
pub use visits::{NewAppeal, NewVisit, VisitView, Visits};

uniffi::setup_scaffolding!("lanewalk");
