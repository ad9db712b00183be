//! The pieces every page is made of: bilingual words, times, tables, text of strangers.
//!
//! Invariant: text that people or upstream wrote reaches a page only through [`Veil::text`] or
//! [`shown`]: escaped, isolated against bidirectional tricks, invisible characters made visible.
//! Rejected: stripping such characters, which hides that somebody put them there.

use super::{lang::Lang, words::Words};
use lanewalk_model::{privacy, time::TimeMs};
use maud::{Markup, Render, html};

/// Rows of one table at most.
pub(super) const MAX_ROWS: usize = 200;

/// Shows words in the reader's language.
pub(super) fn bi((zh, en): Words) -> Markup {
    both(zh, en)
}

/// As [`bi`] for what is put together, such as words with numbers in them.
pub(super) fn both(zh: impl Render, en: impl Render) -> Markup {
    match Lang::now() {
        Lang::Zh => html! { (zh) },
        Lang::En => html! { span lang="en" { (en) } },
        Lang::Both => html! { (zh) " " span.en lang="en" { (en) } },
    }
}

/// Returns words as plain text, for attributes and options, where no element may stand.
pub(super) fn say((zh, en): Words) -> String {
    match Lang::now() {
        Lang::Zh => zh.to_owned(),
        Lang::En => en.to_owned(),
        Lang::Both => format!("{zh} {en}"),
    }
}

/// Returns the name that data give a thing, in the reader's language where they have one.
pub(super) fn named<'a>(zh: &'a str, en: &'a str) -> &'a str {
    match Lang::now() {
        Lang::En if !en.is_empty() => en,
        _ => zh,
    }
}

/// What stands for a title that nobody wrote.
pub(super) const UNTITLED: Words = ("(无标题)", "(no title)");

/// Shows that there is no title.
pub(super) fn untitled() -> Markup {
    bi(UNTITLED)
}

/// Shows nothing where there is nothing.
pub(super) fn none() -> Markup {
    html! { span.none title=(say(("无", "none"))) { "–" } }
}

/// Makes characters that steer or hide text visible.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(u32::from(c), 0x00AD | 0x061C | 0x200B | 0x200E | 0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xE0000..=0xE007F);
        if hidden {
            out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Shows a text that somebody else wrote.
pub(super) fn shown(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

/// Cuts text to a number of characters.
pub(super) fn clip(text: &str, max: usize) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(max).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Takes the requester out of what others wrote about an order (DOMAIN.md §9).
#[derive(Debug, Default)]
pub(super) struct Veil {
    pub(super) name: String,
    pub(super) phone: String,
}

impl Veil {
    /// Returns text without the requester, phone numbers and addresses of electronic mail.
    pub(super) fn plain(&self, text: &str) -> String {
        let text = if self.phone.chars().count() >= 5 {
            text.replace(&self.phone, "[号码]")
        } else {
            text.to_owned()
        };
        privacy::redact(&text, &[&self.name])
    }

    /// Shows it, paragraphs kept.
    pub(super) fn text(&self, text: &str) -> Markup {
        shown(&self.plain(text))
    }

    /// Shows the beginning of it.
    pub(super) fn short(&self, text: &str, max: usize) -> Markup {
        shown(&clip(&self.plain(text), max))
    }
}

/// Shows a moment in China's time.
pub(super) fn when(at: i64) -> Markup {
    let at = TimeMs(at);
    // Machines read the same moment in UTC.
    let utc = TimeMs(at.0.saturating_sub(8 * 3_600_000)).china_with("%Y-%m-%dT%H:%MZ");
    html! { time datetime=(utc) { span.day { (at.china_with("%Y-%m-%d")) } " " span.clock { (at.china_with("%H:%M")) } } }
}

/// Says a length of time in its two largest units.
pub(super) fn span(ms: i64) -> (String, String) {
    let minutes = ms.unsigned_abs() / 60_000;
    let (days, hours, rest) = (minutes / 1_440, minutes % 1_440 / 60, minutes % 60);
    match (days, hours) {
        (0, 0) => (format!("{rest} 分钟"), format!("{rest} min")),
        (0, _) => (format!("{hours} 小时 {rest} 分"), format!("{hours} h {rest} min")),
        _ => (format!("{days} 天 {hours} 小时"), format!("{days} d {hours} h")),
    }
}

/// Within this an open order counts as nearly due.
pub(super) const NEAR_MS: i64 = 24 * 3_600_000;

/// Says how far away a due time is; the words tell it, colour only helps.
pub(super) fn remaining(due: i64, now: TimeMs) -> Markup {
    let left = due.saturating_sub(now.0);
    let (zh, en) = span(left);
    if left < 0 {
        html! { strong.late { (both(format!("逾期 {zh}"), format!("overdue {en}"))) } }
    } else {
        html! { span.soon[left <= NEAR_MS] { (both(format!("剩 {zh}"), format!("{en} left"))) } }
    }
}

/// One line of a table.
#[derive(Debug)]
pub(super) struct Row {
    /// Words for the style sheet; empty for a plain line.
    pub(super) class: &'static str,
    /// As many as the table has heads.
    pub(super) cells: Vec<Markup>,
}

impl From<Vec<Markup>> for Row {
    fn from(cells: Vec<Markup>) -> Self {
        Self { class: "", cells }
    }
}

/// Shows a table. Roles are spelled out because the style sheet turns lines into cards on a
/// narrow screen, which takes the table's meaning from screen readers otherwise.
pub(super) fn table(caption: Markup, heads: &[Words], rows: &[Row], left_out: u64, empty: Words) -> Markup {
    html! {
        table role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" { @for head in heads { th scope="col" role="columnheader" { (bi(*head)) } } }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr class=[(!row.class.is_empty()).then_some(row.class)] role="row" {
                        @for (head, cell) in heads.iter().zip(&row.cells) {
                            td role="cell" data-label=(say(*head)) { div.cell { (cell) } }
                        }
                    }
                }
                @if rows.is_empty() {
                    tr.empty role="row" { td role="cell" colspan=(heads.len()) { (bi(empty)) } }
                }
            }
        }
        @if left_out > 0 {
            p.more { (both(format!("另有 {left_out} 条未显示"), format!("{left_out} more not shown"))) }
        }
    }
}

/// Shows a part of a page that the reader opens and closes; `id` is where links lead, which open it.
/// Its own caption stays for screen readers.
pub(super) fn fold(id: &str, caption: &Markup, open: bool, content: &Markup) -> Markup {
    html! {
        details.fold open[open] {
            summary { (caption) }
            div.folded id=(id) { (content) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn hidden_characters_become_visible_and_the_rest_stays() {
        for (text, want) in [
            ("正常 text\n第二行", "正常 text\n第二行"),
            ("a\u{202e}b", "a⟨U+202E⟩b"),
            ("\u{feff}=1+1\u{7}", "⟨U+FEFF⟩=1+1⟨U+0007⟩"),
            ("x\u{200b}y\u{2066}z", "x⟨U+200B⟩y⟨U+2066⟩z"),
        ] {
            assert_eq!(visible(text), want);
        }
    }

    #[test]
    fn lengths_of_time_read_well() {
        for (ms, zh, en) in [
            (0, "0 分钟", "0 min"),
            (-59 * 60_000, "59 分钟", "59 min"),
            (61 * 60_000, "1 小时 1 分", "1 h 1 min"),
            (25 * 3_600_000, "1 天 1 小时", "1 d 1 h"),
            (i64::MIN, "106751991167 天 7 小时", "106751991167 d 7 h"),
        ] {
            assert_eq!(span(ms), (zh.to_owned(), en.to_owned()));
        }
    }

    #[test]
    fn the_veil_takes_the_requester_out() {
        let veil = Veil { name: "张三丰".into(), phone: "0536.812.3456".into() };
        assert_eq!(veil.plain("张三丰说打0536.812.3456或13800008000"), "[姓名]说打[号码]或[号码]");
        assert_eq!(Veil::default().plain("3号楼"), "3号楼");
    }

    #[test]
    fn markup_of_strangers_is_text() {
        let html = shown("<script>alert(1)</script>&\"").into_string();
        assert_eq!(html, "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;</bdi>");
    }
}
