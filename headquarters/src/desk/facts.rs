//! What staff at headquarters write into an order: replies, notes, contacts, findings, and which
//! of several values holds.
//!
//! Invariant: the schema says which role writes which field, on a phone and here; words that name
//! a person's number are refused here as they are on a phone.

use super::{names_somebody, within_reach};
use crate::{core::Core, error::HqError, hq::Headquarters, store::StoredDoc, workflow};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    order::{self, Refusal, State},
    records::{ContactRecord, FindingRecord, LiaisonRecord, NoteRecord, to_json},
    schema::DocKind,
    staff::{Role, Subject},
    time::TimeMs,
    view::DocView,
};
use rusqlite::Transaction;

impl Headquarters {
    /// Writes the draft of what the requester is told.
    pub fn reply(&mut self, by: &str, order: DocId, text: &str) -> Result<Option<Refusal>, HqError> {
        let now = self.document(order)?.map(|view| order::state(&view));
        if matches!(now, Some(State::Submitted | State::Callback)) {
            // What the clerk reads and the requester is told stays one text.
            return Ok(Some(Refusal::WrongState));
        }
        self.fact(by, order, "reply_text", text, |_, _| Edit::set("reply_text", text))
    }

    /// Keeps a note.
    pub fn note(&mut self, by: &str, order: DocId, text: &str) -> Result<Option<Refusal>, HqError> {
        self.fact(by, order, "note/x", text, |core, now| {
            Edit::set(
                format!("note/{}", core.event()),
                to_json(&NoteRecord { text: text.to_owned(), at: now }),
            )
        })
    }

    /// Keeps a finding of the enforcement squad (R39): its number, its date, its words.
    pub fn finding(
        &mut self,
        by: &str,
        order: DocId,
        number: &str,
        date: TimeMs,
        text: &str,
    ) -> Result<Option<Refusal>, HqError> {
        self.fact(by, order, "finding/x", &[number, text].join(" "), |core, now| {
            let record = FindingRecord { number: number.to_owned(), date, text: text.to_owned(), at: now };
            Edit::set(format!("finding/{}", core.event()), to_json(&record))
        })
    }

    /// Keeps what a body outside answered (R34): written by its guest, or by the clerk or section
    /// that holds the document.
    pub fn liaison_reply(
        &mut self,
        by: &str,
        order: DocId,
        reply: LiaisonRecord,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let (subject, view) = within_reach(tx, by, order, core.now())?;
            let may = matches!(subject.role, Role::Liaison | Role::HotlineClerk | Role::Section);
            if let Some(refusal) =
                refused(tx, order, &view, may, &[reply.number.as_str(), &reply.text, &reply.body].join(" "))?
            {
                return Ok(Some(refusal));
            }
            let record = LiaisonRecord { at: core.now(), ..reply };
            let edit = Edit::set(format!("liaison_reply/{}", core.event()), to_json(&record));
            core.write(tx, order, by, &[edit])?;
            Ok(None)
        })
    }

    /// Keeps a contact with the requester (R3): in the brief, which property staff never hold.
    pub fn contact(
        &mut self,
        by: &str,
        order: DocId,
        reached: bool,
        note: &str,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let (subject, view) = within_reach(tx, by, order, core.now())?;
            let may = DocKind::Brief.spec().field("contact/x").is_some_and(|f| f.may_write(subject.role));
            if let Some(refusal) = refused(tx, order, &view, may, note)? {
                return Ok(Some(refusal));
            }
            let Some(brief) = StoredDoc::children(tx, &order.to_string(), DocKind::Brief)?.into_iter().next()
            else {
                // A sub-task or a cluster's master has no requester.
                return Ok(Some(Refusal::WrongState));
            };
            let now = core.now();
            let record = ContactRecord { at: now, reached, note: note.to_owned() };
            let edit = Edit::set(format!("contact/{}", core.event()), to_json(&record));
            core.write(tx, brief.row.id, by, &[edit])?;
            if reached {
                workflow::first_contact(tx, core, order, now)?;
            }
            workflow::begin_inquiry(tx, core, order, now)?;
            Ok(None)
        })
    }

    /// Says which of several concurrent values of a field holds (law 3); the others stay in the
    /// history. `doc` is the order or one of its visits, `value` one of the values as JSON.
    pub fn resolve(
        &mut self,
        by: &str,
        order: DocId,
        doc: DocId,
        key: &str,
        value: &str,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let (subject, _) = within_reach(tx, by, order, core.now())?;
            if !matches!(subject.role, Role::HotlineClerk | Role::Section) {
                return Ok(Some(Refusal::OtherDecides));
            }
            let Some(view) = StoredDoc::find(tx, doc)?.map(|d| d.view()).transpose()? else {
                return Ok(Some(Refusal::WrongState));
            };
            if doc != order && view.text("order") != Some(order.to_string().as_str()) {
                return Ok(Some(Refusal::WrongState));
            }
            let chosen = view
                .all(key)
                .iter()
                .find(|a| serde_json::to_string(&a.value).is_ok_and(|json| json == value))
                .map(|a| a.value.clone());
            match chosen {
                Some(value) if view.is_open_conflict(key) => {
                    core.write(tx, doc, by, &[Edit::Set(key.to_owned(), value)])?;
                    Ok(None)
                }
                _ => Ok(Some(Refusal::WrongState)),
            }
        })
    }

    fn fact(
        &mut self,
        by: &str,
        order: DocId,
        field: &str,
        words: &str,
        edit: impl FnOnce(&mut Core, TimeMs) -> Edit,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx: &Transaction<'_>, core| {
            let (subject, view): (Subject, DocView) = within_reach(tx, by, order, core.now())?;
            let may = DocKind::Order.spec().field(field).is_some_and(|f| f.may_write(subject.role));
            if let Some(refusal) = refused(tx, order, &view, may, words)? {
                return Ok(Some(refusal));
            }
            let now = core.now();
            let edit = edit(core, now);
            core.write(tx, order, by, &[edit])?;
            Ok(None)
        })
    }
}

fn refused(
    tx: &Transaction<'_>,
    id: DocId,
    order: &DocView,
    may: bool,
    words: &str,
) -> Result<Option<Refusal>, HqError> {
    Ok(if !may {
        Some(Refusal::RoleMayNot)
    } else if !order::state(order).is_open() {
        Some(Refusal::WrongState)
    } else if names_somebody(tx, id, words)? {
        Some(Refusal::PersonalData)
    } else {
        None
    })
}
