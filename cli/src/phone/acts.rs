//! The writing verbs.

use super::{
    Phone, ids,
    verbs::{Verb, Whereabouts},
};
use crate::words::{Failure, good, say, short};
use lanewalk_field::{NewAppeal, NewPerson, NewPlace, NewVisit};
use lanewalk_model::{
    id::DocId,
    position::Position,
    records::{Method, ProposalKind},
    schema::{DocKind, Type},
    view::Value,
};

/// Reads `LAT,LON` in degrees, WGS-84.
pub(super) fn position(text: &str) -> Result<Position, String> {
    let (lat, lon) = text.split_once([',', '，']).ok_or("LAT,LON")?;
    let number = |t: &str| t.trim().parse::<f64>().map_err(|e| e.to_string());
    Position::from_degrees(number(lat)?, number(lon)?).map_err(|e| e.to_string())
}

/// Performs a writing verb and says what was saved.
pub(super) fn perform(phone: &Phone, verb: &Verb) -> Result<(), Failure> {
    let field = &phone.field;
    let find = |id: &str| ids::find(phone, id);
    let said = match verb {
        Verb::Visit { id, kind, result, purpose, notes, at } => {
            let id = find(id)?;
            let visit = NewVisit {
                order: (id.kind == DocKind::Order).then_some(id),
                target: (id.kind != DocKind::Order).then_some(id),
                grid: field.document(id)?.text("grid").map(str::to_owned),
                kind: kind.clone(),
                purpose: purpose.clone(),
                result: result.clone(),
                notes: notes.clone(),
                position: *at,
                ..NewVisit::default()
            };
            format!("走访 / visit {}", short(&field.record_visit(visit)?))
        }
        Verb::Note { id, text } => said(field.add_note(find(id)?, &text.join(" "))?.seq),
        Verb::Measure { id, what, number, unit, method } => {
            let milli =
                milli(number).ok_or_else(|| Failure::usage(format!("不是数字 / not a number: {number}")))?;
            said(field.measure(find(id)?, what, milli, unit, method_of(method)?)?.seq)
        }
        Verb::Severity { id, level } => said(field.set_field(find(id)?, "severity", (*level).into())?.seq),
        Verb::Verify { id, text } => {
            said(field.set_field(find(id)?, "verified_facts", text.join(" ").into())?.seq)
        }
        Verb::Reply { id, text } => {
            said(field.set_field(find(id)?, "reply_text", text.join(" ").into())?.seq)
        }
        Verb::Set { id, key, text } => {
            let id = find(id)?;
            said(field.set_field(id, key, value_for(id.kind, key, &text.join(" "))?)?.seq)
        }
        Verb::Propose { id, what, reason, outcome, days, force } => {
            let kind = proposal_of(what)?;
            let event =
                field.propose(find(id)?, kind, reason, outcome.as_deref(), *days, *force)?.to_string();
            let end: String = event.chars().skip(event.len().saturating_sub(6)).collect();
            format!("申请 / proposal {} {end}", kind.zh())
        }
        Verb::Appeal { text, kind, whereabouts } => {
            let grid = grid(phone, whereabouts)?;
            let appeal = NewAppeal { kind: kind.clone(), text: text.join(" "), grid, ..NewAppeal::default() };
            named("诉求 / appeal", field.new_appeal(appeal)?)
        }
        Verb::Person { name, phone: number, purpose, whereabouts } => {
            let grid = grid(phone, whereabouts)?;
            let person =
                NewPerson { name: name.clone(), phone: number.clone(), purpose: purpose.clone(), grid };
            named("居民 / resident", field.new_person(person)?)
        }
        Verb::Place { address, name, kind, whereabouts } => {
            let (grid, position) = (grid(phone, whereabouts)?, whereabouts.at);
            let place = NewPlace {
                raw_address: address.clone(),
                name: name.clone(),
                kind: kind.clone(),
                grid,
                position,
            };
            named("地点 / place", field.new_place(place)?)
        }
        // The reading verbs do not come here.
        _ => return Ok(()),
    };
    say!("{} {said}", good("已保存 / saved"));
    Ok(())
}

fn said(seq: u64) -> String {
    format!("（本机第 {seq} 条 / entry {seq} of this phone）")
}

fn named(what: &str, id: DocId) -> String {
    format!("{what} {}", short(&id))
}

/// Chooses the grid: as told, by the place, or the only one held; otherwise asks.
fn grid(phone: &Phone, told: &Whereabouts) -> Result<Option<String>, Failure> {
    if told.grid.is_some() {
        return Ok(told.grid.clone());
    }
    if let Some(at) = &told.at {
        let cell = phone.field.grid_at(at)?;
        return cell.map(|(id, _)| Some(id)).ok_or_else(|| Failure::usage("此处不在任何网格内 / in no grid"));
    }
    let held = phone.field.identity().map(|me| me.grids).unwrap_or_default();
    if held.len() > 1 {
        let all = held.join(" ");
        return Err(Failure::usage(format!("请用 --grid 或 --at 指明网格 / name the grid: {all}")));
    }
    Ok(None)
}

/// Reads a decimal number in thousandths.
fn milli(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or((1, whole), |rest| (-1, rest));
    if part.len() > 3 || !digits.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) || digits.is_empty()
    {
        return None;
    }
    let thousandths: i64 = format!("{part:0<3}").parse().ok()?;
    let whole: i64 = digits.parse().ok()?;
    Some(sign * whole.checked_mul(1_000)?.checked_add(thousandths)?)
}

/// Reads how a number is known.
pub(crate) fn method_of(text: &str) -> Result<Method, Failure> {
    from_word(text, "counted, measured, estimated, told")
}

/// Reads what is asked for.
pub(crate) fn proposal_of(text: &str) -> Result<ProposalKind, Failure> {
    from_word(text, "ack, return, submit, handle, extend")
}

fn from_word<T: serde::de::DeserializeOwned>(text: &str, all: &str) -> Result<T, Failure> {
    serde_json::from_value(text.into())
        .map_err(|_| Failure::usage(format!("{text}：只能是 / must be one of {all}")))
}

/// Reads a value as the schema wants it for a key.
fn value_for(kind: DocKind, key: &str, text: &str) -> Result<Value, Failure> {
    let field =
        kind.spec().field(key).ok_or_else(|| Failure::usage(format!("没有这一项 / no such field: {key}")))?;
    let wrong = || Failure::usage(format!("{key}：{text} 不合要求 / does not fit"));
    match field.ty {
        Type::Int(..) | Type::Time => text.parse::<i64>().map(Value::Int).map_err(|_| wrong()),
        Type::Bool => match text {
            "true" | "yes" | "是" => Ok(true.into()),
            "false" | "no" | "否" => Ok(false.into()),
            _ => Err(wrong()),
        },
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, want) in [
            ("12", Some(12_000)),
            ("0.5", Some(500)),
            ("-3.125", Some(-3_125)),
            ("-0.5", Some(-500)),
            ("1.2345", None),
            ("", None),
            (".5", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(milli(text), want, "{text}");
        }
    }

    #[test]
    fn places_are_read_in_degrees() {
        assert_eq!(position("36.7005, 119.132").unwrap().lat_e7(), 367_005_000);
        for bad in ["", "1", "1,", "91,0", "a,b", "0,181"] {
            assert!(position(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_follow_the_schema() {
        let order = DocKind::Order;
        assert_eq!(value_for(order, "severity", "2").unwrap(), Value::Int(2));
        assert_eq!(value_for(order, "unclear_statement", "是").unwrap(), Value::Bool(true));
        assert!(value_for(order, "severity", "much").is_err());
        assert!(value_for(order, "nothing", "x").is_err());
    }
}
