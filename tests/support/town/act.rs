//! What people do with their phones, drawn from dice.

use super::{Phone, SavedPhoto, Town};
use crate::{dice::Dice, words};
use lanewalk_camera::Shot as Camera;
use lanewalk_field::{Answer, FieldError, ListQuery, NewAppeal, NewPerson, NewPlace, NewVisit, Saved, Shot};
use lanewalk_model::{
    id::{DocId, EventId},
    photo::PhotoRole,
    records::{Confirmation, Method, ProposalKind, ProposalRecord, Talk},
    schema::DocKind,
    staff::Role,
    time::TimeMs,
    view::Value,
};
use std::sync::LazyLock;

/// A few small photos; each town takes them again and again, so that identical files meet.
static PICTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    (0..6).map(|seed| Camera { seed, width: 320, height: 240, ..Camera::default() }.jpeg()).collect()
});

impl Town {
    /// Lets a phone take a photo at one of its visits; sometimes the worker puts the phone away
    /// behind the camera, and what he left is taken in later.
    pub fn photograph(&mut self, phone: usize) {
        let field = self.phones[phone].field();
        for ticket in field.open_tickets().unwrap() {
            if ticket.has_file && self.dice.chance(70) {
                self.finish(phone, ticket.visit, ticket.id);
            }
        }
        let query = ListQuery { kind: Some(DocKind::Visit), limit: 40, ..ListQuery::default() };
        let list = self.phones[phone].field().list(&query).unwrap();
        if list.is_empty() {
            return;
        }
        let visit = self.dice.pick(&list).id;
        let field = self.phones[phone].field();
        match field.begin_photo(visit, PhotoRole::Before) {
            Ok(ticket) => {
                std::fs::write(&ticket.path, self.dice.pick(&PICTURES)).unwrap();
                if self.dice.chance(85) {
                    self.finish(phone, visit, ticket.id);
                }
            }
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => {}
            Err(e) => panic!("photo on {}: {e}", self.phones[phone].worker),
        }
    }

    fn finish(&mut self, phone: usize, visit: DocId, ticket: EventId) {
        let taken_at = Some(TimeMs(self.clock.now()));
        let shot = Shot { caption: "门口".into(), taken_at, ..Shot::default() };
        match self.phones[phone].field().finish_photo(ticket, &shot) {
            Ok(photo) => {
                self.remember(phone, "photo");
                self.photos.push(SavedPhoto { phone, visit, photo, gone: false });
            }
            // The grid was given to somebody else while the camera was open.
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => {
                self.phones[phone].field().drop_ticket(ticket).unwrap();
            }
            // The camera synced nothing, and the power went before the core took its file in.
            Err(FieldError::Photo { .. }) if self.disks.is_some_and(|disks| disks.power_cuts) => {
                self.phones[phone].field().drop_ticket(ticket).unwrap();
            }
            Err(e) => panic!("photo on {}: {e}", self.phones[phone].worker),
        }
    }

    /// Lets one phone do one act drawn from the dice; remembers it if it was saved.
    pub fn act(&mut self, phone: usize) {
        let before = self.phones[phone].field().status().unwrap().last_seq;
        let (what, done) = act(&mut self.dice, &self.phones[phone], &self.cells, self.clock.now());
        match done {
            // Nothing was changed, on a device that has written nothing yet.
            Ok(Some(saved)) if saved.seq == 0 => {}
            Ok(Some(saved)) => self.keep(phone, saved.hash, what),
            Ok(None) => {
                // The act returned a document id; its entry is the newest one.
                let field = self.phones[phone].field();
                let status = field.status().unwrap();
                if status.last_seq > before {
                    let hash = field.entry_hash(status.last_seq).unwrap().unwrap();
                    self.keep(phone, hash, what);
                }
            }
            Err(
                FieldError::NotAllowed { .. }
                | FieldError::WouldBeRefused { .. }
                | FieldError::NotFound
                | FieldError::LeaseOver,
            ) => {}
            Err(e) => panic!("{what} on {}: {e}", self.phones[phone].worker),
        }
    }
}

type Done = Result<Option<Saved>, FieldError>;

fn act(dice: &mut Dice, phone: &Phone, cells: &[String], now: i64) -> (&'static str, Done) {
    let field = phone.field();
    let of_kind = |kind: DocKind, dice: &mut Dice| -> Option<DocId> {
        let query = ListQuery { kind: Some(kind), limit: 40, ..ListQuery::default() };
        let list = match field.list(&query) {
            Err(FieldError::LeaseOver) => Vec::new(),
            list => list.unwrap(),
        };
        (!list.is_empty()).then(|| dice.pick(&list).id)
    };
    let order = of_kind(DocKind::Order, dice);
    let grid = Some(dice.pick(cells).clone());
    let choice = dice.below(19);
    match (choice, order) {
        (0..=2, Some(order)) => {
            let kind = (*dice.pick(&["prelim_call", "prelim", "site_check", "handle"])).to_owned();
            let visit = NewVisit {
                order: Some(order),
                kind,
                result: (*dice.pick(&["met", "absent", "refused", "locked"])).to_owned(),
                started: Some(TimeMs(now)),
                notes: words::sentence(dice),
                ..NewVisit::default()
            };
            ("visit", field.record_visit(visit).map(|_| None))
        }
        (3, Some(order)) => ("note", field.add_note(order, &words::sentence(dice)).map(Some)),
        (4, Some(order)) => {
            let milli = i64::try_from(dice.below(20_000)).unwrap();
            ("measure", field.measure(order, "猫", milli, "只", Method::Counted).map(Some))
        }
        (5, Some(order)) => {
            let severity = i64::try_from(dice.below(4)).unwrap();
            let done = field.set_field(order, "severity", Value::Int(severity));
            // A smaller severity than the one seen is refused at once: MAX only grows.
            (
                "severity",
                if matches!(done, Err(FieldError::Invalid { .. })) { Ok(None) } else { done.map(Some) },
            )
        }
        (6 | 7, Some(order)) => {
            let value = Value::Text(words::sentence(dice));
            ("verified_facts", field.set_field(order, "verified_facts", value).map(Some))
        }
        (8, Some(order)) if phone.role == Role::GridWorker => {
            ("reply", field.set_field(order, "reply_text", Value::Text(words::sentence(dice))).map(Some))
        }
        (9 | 10, Some(order)) => {
            let kind = *dice.pick(&[
                ProposalKind::Ack,
                ProposalKind::Return,
                ProposalKind::Handle,
                ProposalKind::Submit,
                ProposalKind::Extend,
            ]);
            let outcome = (kind == ProposalKind::Submit).then(|| "mediated".to_owned());
            let days = (kind == ProposalKind::Extend).then_some(3);
            // Forced: what the phone would have told at once is exactly what headquarters must refuse.
            (
                "proposal",
                field
                    .propose(order, kind, "邻里纠纷,非本网格职责", outcome.as_deref(), days, true)
                    .map(|_| None),
            )
        }
        (11, _) => {
            let appeal =
                NewAppeal { kind: "help".into(), text: words::sentence(dice), grid, ..NewAppeal::default() };
            ("appeal", field.new_appeal(appeal).map(|_| None))
        }
        (12..=13, _) if phone.role == Role::GridWorker && dice.chance(70) => {
            let person =
                NewPerson {
                    name: "张三".into(), phone: "13900001111".into(), grid, purpose: "走访".into()
                };
            ("person", field.new_person(person).map(|_| None))
        }
        (12..=13, _) => {
            let place = NewPlace {
                raw_address: words::address(dice),
                name: "小店".into(),
                kind: "shop".into(),
                grid,
                position: None,
            };
            ("place", field.new_place(place).map(|_| None))
        }
        (14, _) => match of_kind(DocKind::Place, dice) {
            Some(place) => {
                let value = Value::Text(words::sentence(dice));
                ("access_note", field.set_field(place, "access_note", value).map(Some))
            }
            None => ("nothing", Ok(None)),
        },
        (15, Some(order)) if phone.role == Role::GridWorker => match dice.below(3) {
            0 => ("contact", field.contact(order, dice.chance(60), "已去电").map(Some)),
            1 => ("talk", field.talk(order, Talk::Persuasion, dice.chance(50), None, "劝导").map(Some)),
            _ => ("police", field.police(order, "报字1号", TimeMs(now), "").map(Some)),
        },
        (16, Some(order)) => {
            let outcome = Some((*dice.pick(&["not_found", "explained"])).to_owned());
            let check =
                ProposalRecord { outcome, ..ProposalRecord::new(ProposalKind::Check, 0, "现场未见") };
            ("check", field.propose_record(order, check, true).map(|_| None))
        }
        (17, _) => match (of_kind(DocKind::Visit, dice), of_kind(DocKind::Person, dice)) {
            (Some(visit), Some(person)) if dice.chance(60) => ("met", field.met(visit, &[person]).map(Some)),
            (Some(visit), _) => ("confirm", field.confirm(visit, Confirmation::Refused, None).map(Some)),
            _ => ("nothing", Ok(None)),
        },
        (18, _) => match (of_kind(DocKind::Survey, dice), of_kind(DocKind::Place, dice)) {
            (Some(survey), place) => {
                let answer = (*dice.pick(&["support", "oppose", "absent"])).to_owned();
                let answer = Answer { place, answer, words: String::new(), add_as: "门店".into() };
                let done = field.answer(survey, &answer);
                ("answer", if place.is_none() { Ok(None) } else { done.map(Some) })
            }
            _ => ("nothing", Ok(None)),
        },
        _ => ("nothing", Ok(None)),
    }
}
