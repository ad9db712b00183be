#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::{
    ahead::tests::{GRID, OTHER, Town},
    console::{
        alike::Alike,
        web::{Fields, Method, Visitor},
    },
    photos::Folder,
};
use lanewalk_model::document::Edit;

fn ask(town: &mut Town, path: &str, form: &[(&str, &str)]) -> Ask {
    let subject = town.hq.subject("clerk").unwrap().unwrap();
    let form = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Ask {
        method: if form == Vec::new() { Method::Get } else { Method::Post },
        path: path.into(),
        query: Fields::default(),
        form: Fields(form),
        files: Vec::new(),
        visitor: Visitor { subject, name: "刘敏".into(), admin: false, session: "5e55".into() },
        now: town.hq.now(),
    }
}

fn page(town: &mut Town) -> String {
    let ask = ask(town, "/same", &[]);
    let (folder, alike) = (Folder::beside(std::path::Path::new("/nonexistent"), 0), Alike::default());
    let from =
        Sources { db: town.hq.reader(), folder: &folder, alike: &alike, who: &ask.visitor, now: ask.now };
    text(get(&from, &ask).unwrap())
}

fn text(answer: Answer) -> String {
    match answer {
        Answer::Page(page) => page.content.into_string(),
        other => panic!("{other:?}"),
    }
}

fn person(town: &mut Town, name: &str, phone: &str) -> DocId {
    let id = town.hq.new_id(DocKind::Person);
    let edits = [("grid", GRID), ("name", name), ("phone", phone)].map(|(k, v)| Edit::set(k, v));
    town.hq.write_by_rule(&[(id, edits.into())]).unwrap();
    id
}

fn place(town: &mut Town, grid: &str, address: &str) -> DocId {
    let id = town.hq.new_id(DocKind::Place);
    let edits = [("grid", grid), ("raw_address", address), ("kind", "dwelling"), ("name", "欧阳秋月")];
    town.hq.write_by_rule(&[(id, edits.map(|(k, v)| Edit::set(k, v)).into())]).unwrap();
    id
}

fn audits(town: &Town, what: &str) -> i64 {
    let sql = "SELECT count(*) FROM audit WHERE what = ?1 AND who = 'clerk'";
    town.hq.reader().query_row(sql, [what], |r| r.get(0)).unwrap()
}

#[test]
fn residents_with_one_number_are_joined_for_a_reason_and_parted_again() {
    let mut town = Town::new("2026-05-08 14:00");
    let (a, b) =
        (person(&mut town, "欧阳秋月", "13800138000"), person(&mut town, "欧阳秋", "+86 138-0013-8000"));
    let other = person(&mut town, "张三", "13900139000");
    let seen = page(&mut town);
    assert!(
        seen.contains(&a.to_string()) && seen.contains(&b.to_string()) && !seen.contains(&other.to_string())
    );
    assert!(seen.contains("欧阳**") && !seen.contains("秋月") && !seen.contains("0013"), "{seen}");

    // Names for a reason, one line for each, and only of those that look alike.
    let (sa, sb, so) = (a.to_string(), b.to_string(), other.to_string());
    let why = [("record", sa.as_str()), ("purpose", "check"), ("reason", "核对是否同一人")];
    let no = ask(&mut town, "/same/reveal", &why[..1]);
    assert!(matches!(post(&mut town.hq, &no).unwrap(), Answer::Refused(_)));
    let no = ask(&mut town, "/same/reveal", &[("record", &so), why[1], why[2]]);
    assert!(matches!(post(&mut town.hq, &no).unwrap(), Answer::Missing));
    assert_eq!(audits(&town, "reveal"), 0);
    let yes = ask(&mut town, "/same/reveal", &why);
    let seen = text(post(&mut town.hq, &yes).unwrap());
    assert!(seen.contains("欧阳秋月") && seen.contains("13800138000") && !seen.contains("张三"));
    assert_eq!(audits(&town, "reveal"), 2);

    for form in [
        vec![("act", "join"), ("record", sb.as_str()), ("reason", "同一人")],
        vec![("act", "join"), ("record", sb.as_str()), ("into", sb.as_str()), ("reason", "同一人")],
        vec![("act", "join"), ("record", sb.as_str()), ("into", sa.as_str()), ("reason", " ")],
        vec![("act", "join"), ("record", "order:00"), ("into", sa.as_str()), ("reason", "同一人")],
    ] {
        let no = ask(&mut town, "/same", &form);
        let refused = post(&mut town.hq, &no);
        assert!(
            matches!(refused, Ok(Answer::Refused(_)) | Err(HqError::NotAllowed(_))),
            "{form:?}: {refused:?}"
        );
    }
    assert_eq!(audits(&town, "merge_person"), 0, "what is refused leaves nothing");
    let join =
        [("act", "join"), ("record", sb.as_str()), ("into", sa.as_str()), ("reason", "同一电话同一人")];
    let yes = ask(&mut town, "/same", &join);
    assert!(matches!(post(&mut town.hq, &yes).unwrap(), Answer::SeeOther(_)));
    assert_eq!(merged_into(&town.view(b)).map(|(_, into)| into), Some(a));
    let seen = page(&mut town);
    assert!(seen.contains("已合并到") && seen.contains("没有看起来重复的记录"), "{seen}");
    let part = ask(&mut town, "/same", &[("act", "part"), ("record", &sb), ("reason", "是母女")]);
    assert!(matches!(post(&mut town.hq, &part).unwrap(), Answer::SeeOther(_)));
    assert_eq!(merged_into(&town.view(b)), None);
    assert_eq!((audits(&town, "merge_person"), audits(&town, "undo_merge")), (1, 1));
    assert!(!page(&mut town).contains("已合并到"));
}

#[test]
fn places_with_one_address_are_joined_within_their_grid() {
    let mut town = Town::new("2026-05-08 14:00");
    let a = place(&mut town, GRID, "幸福里 3-2-501");
    let b = place(&mut town, GRID, "幸福里３－２－５０１");
    let (far, near) = (place(&mut town, OTHER, "幸福里 3-2-501"), place(&mut town, GRID, "幸福里 32-501"));
    let seen = page(&mut town);
    assert!(
        seen.contains(&a.to_string()) && seen.contains(&b.to_string()) && !seen.contains("秋月"),
        "{seen}"
    );
    assert!(!seen.contains(&far.to_string()) && !seen.contains(&near.to_string()), "{seen}");
    let (sa, sb) = (a.to_string(), b.to_string());
    let join = [("act", "join"), ("record", sb.as_str()), ("into", sa.as_str()), ("reason", "同一户")];
    let yes = ask(&mut town, "/same", &join);
    assert!(matches!(post(&mut town.hq, &yes).unwrap(), Answer::SeeOther(_)));
    assert_eq!(town.view(b).text("mapped_to"), Some(sa.as_str()));
    assert!(page(&mut town).contains("已合并到"));
    let part = ask(&mut town, "/same", &[("act", "part"), ("record", &sb), ("reason", "两户")]);
    assert!(matches!(post(&mut town.hq, &part).unwrap(), Answer::SeeOther(_)));
    assert_eq!((audits(&town, "map_place"), audits(&town, "unmap_place")), (1, 1));
    let sql = "SELECT group_concat(purpose, ' ') FROM audit WHERE what LIKE '%map_place'";
    let why: String = town.hq.reader().query_row(sql, [], |r| r.get(0)).unwrap();
    assert_eq!(why, "同一户 两户");
}
