//! Appeals that workers collected at the door become orders, or are closed, by a clerk (R17, R19).
//!
//! Invariant: once only, and only while the appeal is open; the order's clock begins with the
//! conversion, not at the door. Rejected: converting by rule; what was settled in words on the
//! stairs needs no order, and only a person can tell.

use super::{Acceptance, Arrival, Imported};
use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    import::IncomingOrder,
    people::audit,
    store::{self, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    position::Position,
    records::{NoteRecord, to_json},
    schema::DocKind,
    staff::Role,
    view::DocView,
};
use rusqlite::Transaction;
use sha2::{Digest as _, Sha256};

/// What the clerk adds when an appeal becomes an order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversion<'a> {
    /// The matter from the catalogue; `None` if none fits (R27).
    pub matter_code: Option<&'a str>,
    /// Urgent (R30).
    pub urgent: bool,
    /// The requester asked for confidence.
    pub secrecy: bool,
}

impl Headquarters {
    /// Makes an order of an open appeal and returns it. Refused when the appeal is not open any
    /// more or the clerk is none.
    pub fn convert_appeal(
        &mut self,
        appeal: DocId,
        clerk: &str,
        how: &Conversion<'_>,
    ) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            let view = open_appeal(tx, appeal, clerk)?;
            let order = core.order_of(tx, &view, how)?;
            let payload = serde_json::to_vec(&view).unwrap_or_default();
            let kind = view.text("kind").filter(|k| *k != "opinion");
            let arrival = Arrival {
                source: "appeal",
                payload: Some(("application/json", &payload)),
                matter_code: how.matter_code,
                kind,
                grid: view.text("grid").filter(|g| !g.is_empty()),
                appeal: Some(appeal),
                ..Arrival::from(&order)
            };
            let taken =
                core.take_in(tx, &arrival, Acceptance::by_clerk(tx, clerk)?, &mut Imported::default())?;
            let made = taken.order();
            let edits = [Edit::set("status", "converted"), Edit::set("order", made.to_string())];
            core.write(tx, appeal, clerk, &edits)?;
            audit(tx, core.now(), clerk, "convert_appeal", &appeal.to_string())?;
            Ok(made)
        })
    }

    /// Closes an open appeal without an order; the words say why and stay with it.
    pub fn close_appeal(&mut self, appeal: DocId, clerk: &str, words: &str) -> Result<(), HqError> {
        let words = words.trim();
        if words.is_empty() {
            return Err(HqError::NotAllowed("请写明理由 / say why".into()));
        }
        self.act(|tx, core| {
            open_appeal(tx, appeal, clerk)?;
            let note = NoteRecord { text: super::create::cut(words, super::AMENDMENT_BYTES), at: core.now() };
            let key = format!("addition/{}", core.event());
            let edits = [Edit::set("status", "closed"), Edit::set(key, to_json(&note))];
            core.write(tx, appeal, clerk, &edits)?;
            audit(tx, core.now(), clerk, "close_appeal", &appeal.to_string())
        })
    }
}

/// Says whether an appeal still waits for a clerk.
pub(crate) fn is_open(view: &DocView) -> bool {
    view.text("status").is_none_or(|s| s == "open") && !view.flag("solved_on_site")
}

fn open_appeal(tx: &Transaction<'_>, appeal: DocId, clerk: &str) -> Result<DocView, HqError> {
    let (subject, _) =
        store::subject(tx, clerk)?.ok_or_else(|| HqError::NotFound(format!("staff {clerk}")))?;
    if subject.role != Role::HotlineClerk {
        return Err(HqError::NotAllowed("只有热线专员可以处理 / only a hotline clerk may".into()));
    }
    let found = StoredDoc::find(tx, appeal)?.filter(|d| d.row.id.kind == DocKind::Appeal);
    let view = found.ok_or_else(|| HqError::NotFound(appeal.to_string()))?.view()?;
    if !is_open(&view) {
        return Err(HqError::NotAllowed("这条诉求已经处理过 / this appeal is not open any more".into()));
    }
    Ok(view)
}

impl Core {
    /// Reads an order out of an appeal, with the person and the place that it names.
    fn order_of(
        &mut self,
        tx: &Transaction<'_>,
        appeal: &DocView,
        how: &Conversion<'_>,
    ) -> Result<IncomingOrder, HqError> {
        let named = |key: &str| -> Result<Option<DocView>, HqError> {
            let id = appeal.text(key).and_then(|t| t.parse().ok());
            let found = id.map(|id| StoredDoc::find(tx, id)).transpose()?.flatten();
            found.map(|stored| stored.view()).transpose()
        };
        let (person, place) = (named("person")?, named("place")?);
        let of = |view: &Option<DocView>, key| {
            view.as_ref().and_then(|v| v.text(key)).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let position: Option<Position> =
            of(&place, "position").and_then(|json| serde_json::from_str(&json).ok());
        let text = appeal.text("text").unwrap_or_default();
        let address = appeal.text("place_text").filter(|t| !t.is_empty()).map(str::to_owned);
        let bytes = serde_json::to_vec(appeal).unwrap_or_default();
        Ok(IncomingOrder {
            upstream_id: String::new(),
            channel: "grid".into(),
            matter_text: String::new(),
            title: String::new(),
            reported_text: text.to_owned(),
            reported_address: address.or(of(&place, "raw_address")).unwrap_or_default(),
            // R17: the clock starts here.
            reported_at_ms: self.now().0,
            upstream_due_at_ms: None,
            closed_at_ms: None,
            urgent: how.urgent,
            lat_e7: position.as_ref().map(Position::lat_e7),
            lon_e7: position.as_ref().map(Position::lon_e7),
            datum: "wgs84".into(),
            requester_name: of(&person, "name"),
            requester_phone: of(&person, "phone"),
            secrecy: how.secrecy,
            payload_sha256: Sha256::digest(&bytes).into(),
        })
    }
}
