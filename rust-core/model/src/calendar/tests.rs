#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;

fn d(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn working_days_agree_with_the_published_counts() {
    let c = Calendar::china().unwrap();
    for (year, days) in [(2023, None), (2024, Some(251)), (2025, Some(248)), (2026, Some(248)), (2027, None)]
    {
        assert_eq!(c.working_days_in(year), days, "{year}");
    }
    assert_eq!(c.off_days().filter(|d| d.year() == 2026).count(), 33);
    let makeup: Vec<_> = c.makeup_days().filter(|d| d.year() == 2026).collect();
    let expected = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"];
    assert_eq!(makeup, expected.map(d));
}

#[test]
fn kinds_of_day() {
    use DayKind::*;
    let c = Calendar::china().unwrap();
    for (date, kind) in [
        ("2026-05-08", Workday),
        ("2026-05-09", MakeupWorkday),
        ("2026-05-10", Off),
        ("2026-10-01", Off),
        ("2026-02-28", MakeupWorkday),
        ("2026-12-31", Workday),
        ("2027-01-01", ProvisionalWorkday),
        ("2027-01-02", ProvisionalOff),
        ("2023-12-29", ProvisionalWorkday),
        ("2024-01-01", Off),
    ] {
        assert_eq!(c.day(d(date)), kind, "{date}");
    }
    assert_eq!(c.next_workday(d("2026-09-30")), Some(d("2026-10-08")));
    assert_eq!(c.previous_workday(d("2026-02-24")), Some(d("2026-02-14")));
    assert_eq!(c.next_workday(NaiveDate::MAX), None);
    assert_eq!(c.previous_workday(NaiveDate::MIN), None);
}

#[test]
fn json_round_trip_and_refusals() {
    let c = Calendar::china().unwrap();
    let text = serde_json::to_string(c).unwrap();
    assert_eq!(&serde_json::from_str::<Calendar>(&text).unwrap(), c);
    let wire = |from: &str, until: &str, off: &str, makeup: &str| {
        format!(
            r#"{{"version":"x","covers_from":"{from}","covers_until":"{until}","off":[{off}],"makeup":[{makeup}]}}"#
        )
    };
    for (bad, why) in [
        (wire("2026-01-02", "2026-01-01", "", ""), "impossible span"),
        (wire("1926-01-01", "2026-01-01", "", ""), "impossible span"),
        (wire("2026-01-01", "2026-12-31", "\"2027-01-01\"", ""), "outside"),
        (wire("2026-01-01", "2026-12-31", "\"2026-01-03\"", "\"2026-01-03\""), "both"),
        (wire("2026-01-01", "2026-12-31", "", "\"2026-01-05\""), "weekend"),
    ] {
        let error = serde_json::from_str::<Calendar>(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

const EMPTY_2027: &str = include_str!("../../data/calendar/cn-2027.json");

#[test]
fn an_empty_year_at_the_end_is_not_covered() {
    let files = [EMPTY_2027, CN_FILES[2], CN_FILES[0], CN_FILES[1]];
    let c = Calendar::from_holiday_cn(CN_VERSION, &files).unwrap();
    assert_eq!(&c, Calendar::china().unwrap());
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    use CalendarError::*;
    let year = |year: i32, days: &str| format!(r#"{{"year":{year},"days":[{days}]}}"#);
    let day = |date: &str, off: bool| format!(r#"{{"date":"{date}","isOffDay":{off}}}"#);
    let full = year(2028, &day("2028-01-01", true));
    let both = day("2026-01-03", true) + "," + &day("2026-01-03", false);
    let table: Vec<(Vec<&str>, CalendarError)> = vec![
        (vec![], NothingCovered),
        (vec![EMPTY_2027], NothingCovered),
        (vec![CN_FILES[0], CN_FILES[0]], DuplicateYear(2024)),
        (vec![CN_FILES[0], CN_FILES[2]], GapBetweenYears(2025)),
        (vec![CN_FILES[2], EMPTY_2027, &full], GapBetweenYears(2027)),
    ];
    for (files, error) in table {
        assert_eq!(Calendar::from_holiday_cn("v", &files), Err(error));
    }
    for (text, error) in [
        (year(2026, &both), Contradiction(d("2026-01-03"))),
        (year(2026, &day("2024-12-31", true)), OutsideCover(d("2024-12-31"))),
        (year(999_999, &day("2026-01-01", true)), BadSpan),
    ] {
        assert_eq!(Calendar::from_holiday_cn("v", &[&text]), Err(error), "{text}");
    }
    for text in ["", "{", "[]", r#"{"year":2026,"days":[{"date":"2026-02-30","isOffDay":true}]}"#] {
        let got = Calendar::from_holiday_cn("v", &[CN_FILES[0], text]);
        assert!(matches!(got, Err(BadJson { index: 1, .. })), "{text}");
    }
    assert_eq!(Calendar::from_holiday_cn(" ", &CN_FILES), Err(BadVersion));
    assert_eq!(Calendar::from_holiday_cn("v", &[&" ".repeat(MAX_FILE_BYTES + 1)]), Err(TooLarge));
}

#[test]
fn a_later_notice_overrules_the_december_before_it() {
    let a = r#"{"year":2025,"days":[{"date":"2025-01-01","isOffDay":true},{"date":"2025-12-28","isOffDay":false}]}"#;
    let b = r#"{"year":2026,"days":[{"date":"2025-12-28","isOffDay":true},{"date":"2025-12-31","isOffDay":true}]}"#;
    let c = Calendar::from_holiday_cn("v", &[a, b]).unwrap();
    assert_eq!(c.day(d("2025-12-28")), DayKind::Off);
    assert_eq!(c.day(d("2025-12-31")), DayKind::Off);
}
