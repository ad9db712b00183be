//! The same requester, matter and place soon after a closing: a repeat (DOMAIN.md §4, R2).
//!
//! Invariant: the earlier order is linked, never rewritten. Who is the same is told by a keyed
//! fingerprint, so the table that finds repeats names nobody. Rejected: matching names alone where
//! there is a phone number; namesakes live in one building.

use super::Arrival;
use crate::{core::Core, error::HqError, import::IncomingOrder};
use lanewalk_model::{
    catalog::Matter,
    datum::Datum,
    id::DocId,
    order::State,
    position::{Position, Source},
};
use rusqlite::{Transaction, params};

const DAY_MS: i64 = 86_400_000;

impl Core {
    /// Finds the closed order that an arrival brings back: the one closed last.
    pub(super) fn repeats(
        &self,
        tx: &Transaction<'_>,
        arrival: &Arrival<'_>,
        matter: Option<&Matter>,
        position: Option<&Position>,
    ) -> Result<Option<DocId>, HqError> {
        let order = arrival.order;
        let Some(requester) = self.requester_key(order) else { return Ok(None) };
        let window = i64::from(self.settings.repeat_days).saturating_mul(DAY_MS);
        let mut statement = tx.prepare_cached(
            "SELECT d.id, a.matter_code, a.matter_text, a.place, d.row ->> 'lat_e7', d.row ->> 'lon_e7'
             FROM arrivals a JOIN docs d ON d.n = a.doc
             WHERE a.requester = ?1 AND d.open = 0 AND d.state IN (?2, ?3)
               AND d.finished_at BETWEEN ?4 AND ?5
             ORDER BY d.finished_at DESC, d.n DESC",
        )?;
        let since = order.reported_at_ms.saturating_sub(window);
        let mut rows = statement.query(params![
            requester,
            State::Closed.id(),
            State::Archived.id(),
            since,
            order.reported_at_ms
        ])?;
        let place = place_key(&order.reported_address);
        while let Some(r) = rows.next()? {
            let (code, words): (String, String) = (r.get(1)?, r.get(2)?);
            let same_matter = match matter {
                Some(matter) => matter.matter_code == code,
                None => code.is_empty() && !order.matter_text.is_empty() && words == order.matter_text,
            };
            let there: Option<i32> = r.get(4)?;
            let there = there.zip(r.get::<_, Option<i32>>(5)?);
            let near = position.zip(there).is_some_and(|(here, (lat, lon))| {
                Position::new(lat, lon, None, Source::Manual, false, Datum::Wgs84)
                    .is_ok_and(|there| here.distance_m(&there) <= f64::from(self.settings.repeat_metres))
            });
            let same_words =
                !place.is_empty() && r.get_ref(3)?.as_str().is_ok_and(|earlier| earlier == place);
            if same_matter && (near || same_words) {
                let id: Vec<u8> = r.get(0)?;
                return Ok(DocId::from_slice(&id).ok());
            }
        }
        Ok(None)
    }

    /// Makes the fingerprint of who reports: of the phone number where there is one, else of the
    /// name. `None` for somebody without either.
    pub(super) fn requester_key(&self, order: &IncomingOrder) -> Option<Vec<u8>> {
        use hmac::{KeyInit as _, Mac as _};
        let digits: String =
            order.requester_phone.as_deref().unwrap_or_default().chars().filter_map(digit).collect();
        let digits = digits.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(&digits);
        let name: String = order.requester_name.as_deref().unwrap_or_default().split_whitespace().collect();
        let who = match (digits.len(), name.is_empty()) {
            (5.., _) => format!("phone:{digits}"),
            (_, false) => format!("name:{name}"),
            _ => return None,
        };
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&self.beacon_secret).ok()?;
        mac.update(b"lanewalk/requester\0");
        mac.update(who.as_bytes());
        Some(mac.finalize().into_bytes().to_vec())
    }
}

fn digit(c: char) -> Option<char> {
    half_width(c).filter(char::is_ascii_digit)
}

/// Makes ASCII of its full-width forms; everything else stays.
fn half_width(c: char) -> Option<char> {
    match u32::from(c) {
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0),
        _ => Some(c),
    }
}

/// Makes one form of the ways in which people write an address: width, case, white space,
/// punctuation and the words for a building (DOMAIN.md §8).
pub(super) fn place_key(address: &str) -> String {
    let plain: String = address
        .chars()
        .filter_map(half_width)
        .filter(|c| c.is_alphanumeric() || *c == '#')
        .flat_map(char::to_lowercase)
        .collect();
    let building = ["号楼", "栋", "幢"].iter().fold(plain, |text, word| text.replace(word, "#"));
    building.replace("##", "#")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn one_place_however_it_is_written() {
        for (a, b, same) in [
            ("潍棉小区 3号楼", "潍棉小区３栋", true),
            ("潍棉小区3#", "潍棉小区3幢,", true),
            ("健康东街 A座", "健康东街a座", true),
            ("潍棉小区3号楼", "潍棉小区4号楼", false),
            ("", "。", true),
        ] {
            assert_eq!(place_key(a) == place_key(b), same, "{a} {b}");
        }
    }
}
