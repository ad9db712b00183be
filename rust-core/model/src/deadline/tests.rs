#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use proptest::prelude::*;

fn cn() -> &'static Calendar {
    Calendar::china().unwrap()
}

/// A calendar without any holiday: the Monday–Friday rule that other desks use.
fn weekdays_only() -> Calendar {
    let (a, b) = ("2024-01-01".parse().unwrap(), "2027-12-31".parse().unwrap());
    Calendar::new("mon-fri", a, b, Default::default(), Default::default()).unwrap()
}

/// Reads `2026-02-13 16:00` (China's time).
fn t(text: &str) -> TimeMs {
    let full = if text.len() == 16 { format!("{text}:00") } else { text.to_owned() };
    let local = chrono::NaiveDateTime::parse_from_str(&full, "%Y-%m-%d %H:%M:%S").unwrap();
    TimeMs(local.and_utc().timestamp_millis() - CHINA_OFFSET_MS)
}

fn show(at: TimeMs) -> String {
    let utc = chrono::DateTime::from_timestamp_millis(at.0 + CHINA_OFFSET_MS).unwrap();
    let text = utc.format("%Y-%m-%d %H:%M:%S").to_string();
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

fn hours(json: &str) -> Hours {
    serde_json::from_str(json).unwrap()
}

/// start, 2 workdays, what Monday–Friday would say, 5 workdays, option B of 15 working hours.
const VECTORS: [(&str, &str, &str, &str, &str); 13] = [
    ("2026-02-13 16:00", "2026-02-24", "2026-02-17", "2026-02-27", "2026-02-24 16:00"),
    ("2026-02-14 10:00", "2026-02-25", "2026-02-17", "2026-02-28", "2026-02-25 10:00"),
    ("2026-02-26 09:00", "2026-02-28", "2026-03-02", "2026-03-04", "2026-02-28 09:00"),
    ("2026-04-03 09:00", "2026-04-08", "2026-04-07", "2026-04-13", "2026-04-08 09:00"),
    ("2026-04-30 17:29:59", "2026-05-07", "2026-05-04", "2026-05-11", "2026-05-07 17:29:59"),
    ("2026-05-07 09:00", "2026-05-09", "2026-05-11", "2026-05-13", "2026-05-09 09:00"),
    ("2026-05-08 09:40", "2026-05-11", "2026-05-12", "2026-05-14", "2026-05-11 09:40"),
    ("2026-06-18 16:40", "2026-06-23", "2026-06-22", "2026-06-26", "2026-06-23 16:40"),
    ("2026-07-03 19:05", "2026-07-07", "2026-07-07", "2026-07-10", "2026-07-07 17:30"),
    ("2026-09-18 12:30", "2026-09-21", "2026-09-22", "2026-09-24", "2026-09-21 12:00"),
    ("2026-09-30 15:10", "2026-10-09", "2026-10-02", "2026-10-13", "2026-10-09 15:10"),
    ("2026-10-08 18:00", "2026-10-10", "2026-10-12", "2026-10-14", "2026-10-10 17:30"),
    ("2025-12-31 15:00", "2026-01-05", "2026-01-02", "2026-01-08", "2026-01-05 15:00"),
];

#[test]
fn domain_vectors() {
    let (h, naive) = (Hours::default(), weekdays_only());
    for (start, two, mon_fri, five, b) in VECTORS {
        let close = |date: &str| format!("{date} 17:30");
        let due = general_due(t(start), 2, cn(), &h).unwrap();
        assert_eq!(show(due.at), close(two), "2 workdays from {start}");
        assert_eq!((due.provisional, due.calendar_version.as_deref()), (false, Some("cn-2024-2026")));
        let wrong = general_due(t(start), 2, &naive, &h).unwrap();
        assert_eq!(show(wrong.at), close(mon_fri), "Monday-Friday from {start}");
        let due = general_due(t(start), 5, cn(), &h).unwrap();
        assert_eq!(show(due.at), close(five), "5 workdays from {start}");
        let due = working_hours_due(t(start), 15, cn(), &h).unwrap();
        assert_eq!(show(due.at), b, "15 working hours from {start}");
        assert!(!due.provisional);
    }
}

#[test]
fn past_the_table_is_provisional() {
    let h = Hours::default();
    let start = t("2026-12-30 09:00");
    let two = general_due(start, 2, cn(), &h).unwrap();
    assert_eq!((show(two.at).as_str(), two.provisional), ("2027-01-01 17:30", true));
    assert!(general_due(start, 5, cn(), &h).unwrap().provisional);
    assert!(working_hours_due(start, 15, cn(), &h).unwrap().provisional);
    assert!(!general_due(start, 1, cn(), &h).unwrap().provisional);
    assert!(!working_hours_due(t("2026-12-31 08:30"), 7, cn(), &h).unwrap().provisional);
    assert!(red_card_at(t("2026-12-31 17:30"), cn(), &h).unwrap().provisional);
}

#[test]
fn urgent_is_clock_time_on_any_day() {
    for (start, due) in [
        ("2026-10-01 10:00", "2026-10-01 12:00"),
        ("2026-12-31 23:30", "2027-01-01 01:30"),
        ("2026-05-09 11:59:59", "2026-05-09 13:59:59"),
    ] {
        let got = urgent_due(t(start), 120).unwrap();
        let expected = Due { at: t(due), provisional: false, calendar_version: None };
        assert_eq!(got, expected, "{start}");
    }
}

#[test]
fn working_hours_start_anywhere() {
    let h = Hours::default();
    // 4 working hours: the street's return limit (frappe/helpdesk #2212: lunch counted as work;
    // GLPI #687: opened outside hours had no delay at all; #14937: closed days counted).
    for (start, due) in [
        ("2026-05-06 08:30", "2026-05-06 14:00"),
        ("2026-05-06 06:00", "2026-05-06 14:00"),
        ("2026-05-06 12:00", "2026-05-06 17:30"),
        ("2026-05-06 12:45", "2026-05-06 17:30"),
        ("2026-05-06 13:30", "2026-05-06 17:30"),
        ("2026-05-06 17:30", "2026-05-07 14:00"),
        ("2026-05-06 23:59:59", "2026-05-07 14:00"),
        ("2026-05-06 17:29:59", "2026-05-07 13:59:59"),
        ("2026-05-02 03:00", "2026-05-06 14:00"),
        ("2026-05-09 16:30", "2026-05-11 11:30"),
    ] {
        assert_eq!(show(working_hours_due(t(start), 4, cn(), &h).unwrap().at), due, "{start}");
    }
}

#[test]
fn lunch_is_not_a_holiday() {
    // osTicket #6847: the break pushed the due date out by a day.
    let h = Hours::default();
    let one = |start| show(working_hours_due(t(start), 1, cn(), &h).unwrap().at);
    assert_eq!(one("2026-05-06 11:30"), "2026-05-06 14:00");
    assert_eq!(one("2026-05-06 11:00"), "2026-05-06 12:00");
}

#[test]
fn no_minute_is_lost_at_midnight() {
    // zammad #3180: 00:00-23:59 "all day" lost a minute each night.
    let all_day = hours(
        r#"[{"from_date":"2026-01-01","morning":{"opens":"00:00","closes":"12:00"},
            "afternoon":{"opens":"12:00","closes":"24:00"}}]"#,
    );
    let start = t("2026-05-11 10:00");
    let due = working_hours_due(start, 72, cn(), &all_day).unwrap();
    assert_eq!(due.at.0 - start.0, 72 * 3_600_000);
    // A due time at midnight belongs to the day that ends: Friday, not Saturday.
    let friday_night = general_due(t("2026-05-14 10:00"), 1, cn(), &all_day).unwrap().at;
    assert_eq!(show(friday_night), "2026-05-16 00:00");
    let yellow = yellow_card_at(friday_night, cn(), &all_day).unwrap();
    assert_eq!(show(yellow.at), "2026-05-14 00:00");
    let longer = extend(friday_night, 1, &Limits::default(), cn(), &all_day).unwrap();
    assert_eq!(show(longer.at), "2026-05-19 00:00");
}

#[test]
fn hours_are_dated() {
    let table = r#"[
        {"from_date":"2026-01-01","morning":{"opens":"08:30","closes":"12:00"},
         "afternoon":{"opens":"13:30","closes":"17:30"}},
        {"from_date":"2026-07-06","morning":{"opens":"08:30","closes":"12:00"},
         "afternoon":{"opens":"14:00","closes":"18:00"}}]"#;
    let h = hours(table);
    let close = |start| show(general_due(t(start), 1, cn(), &h).unwrap().at);
    assert_eq!(close("2026-07-02 09:00"), "2026-07-03 17:30");
    assert_eq!(close("2026-07-03 09:00"), "2026-07-06 18:00");
    assert_eq!(close("2025-07-03 09:00"), "2025-07-04 17:30");
    let again: Hours = serde_json::from_str(&serde_json::to_string(&h).unwrap()).unwrap();
    assert_eq!(again, h);
    for bad in [
        "[]".to_owned(),
        table.replace("2026-07-06", "2026-01-01"),
        table.replace("14:00", "11:00"),
        table.replace("18:00", "14:00"),
        table.replace("18:00", "24:01"),
        table.replace("18:00", "+8:00"),
        table.replace("18:00", "1800"),
    ] {
        assert!(serde_json::from_str::<Hours>(&bad).is_err(), "{bad}");
    }
    let default = Hours::default();
    let text = serde_json::to_string(&default).unwrap();
    assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), default);
}

#[test]
fn cards() {
    let h = Hours::default();
    for (due, yellow, red) in [
        ("2026-06-23 17:30", "2026-06-22 08:30", "2026-06-24 08:30"),
        ("2026-05-11 17:30", "2026-05-09 08:30", "2026-05-12 08:30"),
        ("2026-02-24 17:30", "2026-02-14 08:30", "2026-02-25 08:30"),
        ("2026-10-01 12:00", "2026-09-30 08:30", "2026-10-08 08:30"),
    ] {
        assert_eq!(show(yellow_card_at(t(due), cn(), &h).unwrap().at), yellow, "{due}");
        assert_eq!(show(red_card_at(t(due), cn(), &h).unwrap().at), red, "{due}");
    }
}

#[test]
fn extensions_are_bounded_and_asked_in_time() {
    let (h, l, due) = (Hours::default(), Limits::default(), t("2026-06-23 17:30"));
    assert_eq!(show(extend(due, 10, &l, cn(), &h).unwrap().at), "2026-07-07 17:30");
    let too_long = DeadlineError::ExtensionTooLong { asked: 11, most: 10 };
    assert_eq!(extend(due, 11, &l, cn(), &h), Err(too_long));
    assert_eq!(extend(due, 0, &l, cn(), &h), Err(DeadlineError::BadLimit(0)));
    let before = t("2026-06-23 15:00");
    assert_eq!(may_extend(before, due, 0, &l), Ok(()));
    assert_eq!(may_extend(due, due, 0, &l), Err(DeadlineError::AskedTooLate));
    assert_eq!(may_extend(before, due, 1, &l), Err(DeadlineError::AlreadyExtended));
}

#[test]
fn upstream_binds_when_ours_is_later() {
    let (ours, earlier) = (TimeMs(1_000), TimeMs(999));
    for (upstream, at, internal_too_late) in [
        (None, ours, false),
        (Some(ours), ours, false),
        (Some(TimeMs(1_001)), ours, false),
        (Some(earlier), earlier, true),
    ] {
        assert_eq!(internal_vs_upstream(ours, upstream), BindingDue { at, internal_too_late });
    }
}

#[test]
fn a_newer_calendar_moves_the_due_time_and_keeps_the_promise() {
    let h = Hours::default();
    let old = Promise::new(t("2026-12-30 09:00"), Limit::Workdays(2), cn(), &h).unwrap();
    assert!(old.due.provisional);
    assert_eq!(old.recompute(cn(), &h), Ok(None));
    let mut off: std::collections::BTreeSet<NaiveDate> = cn().off_days().collect();
    off.insert("2027-01-01".parse().unwrap());
    let until = "2027-12-31".parse().unwrap();
    let makeup = cn().makeup_days().collect();
    let newer = Calendar::new("cn-2027", cn().covers_from(), until, off, makeup).unwrap();
    let new = old.recompute(&newer, &h).unwrap().unwrap();
    assert_eq!(show(new.due.at), "2027-01-04 17:30");
    assert!(!new.due.provisional);
    assert_eq!(new.earlier, vec![old.due.clone()]);
    assert_eq!(new.recompute(cn(), &h), Err(DeadlineError::OlderCalendar));
    // The same time from a better table: firm now, and no second promise to show.
    let firm = Promise::new(t("2026-12-30 09:00"), Limit::Workdays(2), cn(), &h)
        .unwrap()
        .recompute(&weekdays_only(), &h)
        .unwrap()
        .unwrap();
    assert!(!firm.due.provisional && firm.earlier.is_empty());
}

#[test]
fn a_changed_limit_does_not_forget_the_extension() {
    // GLPI #15605.
    let (h, l) = (Hours::default(), Limits::default());
    let p = Promise::new(t("2026-06-18 16:40"), l.general, cn(), &h).unwrap();
    let longer = p.extend(t("2026-06-23 15:00"), 3, &l, cn(), &h).unwrap();
    assert_eq!(show(longer.due.at), "2026-06-26 17:30");
    assert_eq!(longer.recompute(cn(), &h), Ok(None));
    let changed = longer.with_limit(Limit::Workdays(3), cn(), &h).unwrap();
    assert_eq!(show(changed.due.at), "2026-06-29 17:30");
    assert_eq!(changed.earlier, vec![p.due, longer.due.clone()]);
    let again = longer.extend(t("2026-06-24 15:00"), 3, &l, cn(), &h);
    assert_eq!(again, Err(DeadlineError::AlreadyExtended));
    let text = serde_json::to_string(&changed).unwrap();
    assert_eq!(serde_json::from_str::<Promise>(&text).unwrap(), changed);
}

#[test]
fn limits_are_configuration() {
    let l: Limits = serde_json::from_str(r#"{"general":{"unit":"working_minutes","n":900}}"#).unwrap();
    assert_eq!(l.check(), Ok(()));
    assert_eq!(Limits { general: Limit::Workdays(2), ..l.clone() }, Limits::default());
    let due = limit_due(t("2026-05-08 09:40"), l.general, cn(), &Hours::default()).unwrap();
    assert_eq!(show(due.at), "2026-05-11 09:40");
    for bad in [Limit::Workdays(0), Limit::Workdays(1_001), Limit::ClockMinutes(0)] {
        assert!(Limits { rework: bad, ..Limits::default() }.check().is_err(), "{bad:?}");
        assert!(limit_due(TimeMs(0), bad, cn(), &Hours::default()).is_err());
    }
}

#[test]
fn absurd_times_are_errors() {
    let h = Hours::default();
    for at in [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, 8_210_266_876_799_000] {
        assert!(general_due(TimeMs(at), 2, cn(), &h).is_err(), "{at}");
        assert!(working_hours_due(TimeMs(at), 15, cn(), &h).is_err(), "{at}");
        assert!(red_card_at(TimeMs(at), cn(), &h).is_err(), "{at}");
    }
    assert!(urgent_due(TimeMs(i64::MAX), 1).is_err());
}

fn any_start() -> impl Strategy<Value = TimeMs> {
    (t("2023-12-01 00:00").0..t("2027-03-01 00:00").0).prop_map(TimeMs)
}

fn any_limit() -> impl Strategy<Value = Limit> {
    prop_oneof![(1_u16..30).prop_map(Limit::Workdays), (1_u32..9_000).prop_map(Limit::WorkingMinutes),]
}

proptest! {
    #[test]
    fn due_is_after_start_and_in_business_hours(start in any_start(), limit in any_limit()) {
        let h = Hours::default();
        let due = limit_due(start, limit, cn(), &h).unwrap();
        prop_assert!(due.at > start);
        let (date, ms) = china_date(due.at).unwrap();
        prop_assert!(cn().is_workday(date));
        let row = h.on(date);
        prop_assert!([row.morning, row.afternoon].iter().any(|s| s.opens.ms() < ms && ms <= s.closes.ms()));
        prop_assert_eq!(due.provisional, date > cn().covers_until() || start < t("2024-01-01 00:00"));
        prop_assert_eq!(china_time(date, Minute::new(0, 0).unwrap()).0 + ms, due.at.0);
        prop_assert!(yellow_card_at(due.at, cn(), &h).unwrap().at < due.at);
        prop_assert!(red_card_at(due.at, cn(), &h).unwrap().at > due.at);
    }

    #[test]
    fn due_is_monotone_in_start(a in any_start(), gap in 0_i64..40 * DAY_MS, limit in any_limit()) {
        let h = Hours::default();
        let first = limit_due(a, limit, cn(), &h).unwrap();
        let second = limit_due(TimeMs(a.0 + gap), limit, cn(), &h).unwrap();
        prop_assert!(first.at <= second.at);
    }

    #[test]
    fn nothing_panics(start in any::<i64>(), n in any::<u16>()) {
        let h = Hours::default();
        let start = TimeMs(start);
        for limit in [Limit::Workdays(n), Limit::ClockMinutes(n.into()), Limit::WorkingMinutes(n.into())] {
            if let Ok(due) = limit_due(start, limit, cn(), &h) {
                prop_assert!(due.at > start);
            }
        }
        let _ = yellow_card_at(start, cn(), &h);
        let _ = red_card_at(start, cn(), &h);
    }
}

#[test]
fn business_time_between_moments() {
    let (calendar, hours) = (Calendar::china().unwrap(), Hours::default());
    let table = BusinessTime::new(t("2026-02-01 00:00"), t("2026-03-10 00:00"), calendar, &hours).unwrap();
    for (from, to, minutes) in [
        ("2026-02-13 16:00", "2026-02-13 17:30", 90),
        ("2026-02-13 11:00", "2026-02-13 14:00", 90), // lunch
        ("2026-02-13 17:00", "2026-02-14 09:00", 60), // to a make-up Saturday
        ("2026-02-14 17:00", "2026-02-24 09:00", 60), // over Spring Festival
        ("2026-02-15 09:00", "2026-02-23 17:00", 0),
        ("2026-02-24 09:00", "2026-02-24 08:00", 0),
        ("2020-01-01 09:00", "2026-02-02 09:00", 30), // before the span
    ] {
        assert_eq!(table.between(t(from), t(to)), minutes * 60_000, "{from} {to}");
    }
    // What a limit in working minutes adds, this takes apart again.
    let start = t("2026-02-13 16:10");
    for minutes in [1, 80, 81, 450, 900, 3_000] {
        let due = working_minutes_due(start, minutes, calendar, &hours).unwrap().at;
        assert_eq!(table.between(start, due), i64::from(minutes) * 60_000);
    }
    let far = BusinessTime::new(TimeMs(i64::MIN), t("2026-03-10 00:00"), calendar, &hours).unwrap();
    assert!(far.between(TimeMs(i64::MIN), TimeMs(i64::MAX)) > 0);
}
