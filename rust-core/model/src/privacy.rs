//! Masking and redaction (DOMAIN.md §9).
//!
//! Invariant: what a property manager's phone receives was made at headquarters by
//! [`redact`]; nothing is merely hidden in a screen. Masks are proposals of §9: 张**,
//! 欧阳**, 138****8000.

const COMPOUND_SURNAMES: [&str; 12] =
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "长孙", "司徒"];

/// Masks a name to its surname.
pub fn mask_name(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() {
        return String::new();
    }
    let compound = COMPOUND_SURNAMES.iter().find(|s| name.starts_with(**s));
    let kept: String = compound.map_or_else(|| name.chars().take(1).collect(), |s| (*s).to_owned());
    format!("{kept}**")
}

/// Masks a phone number: first three and last four digits stay; short numbers vanish.
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 8 {
        return if digits.is_empty() { String::new() } else { "****".into() };
    }
    let head: String = digits.iter().take(3).collect();
    let tail: String = digits.iter().skip(digits.len() - 4).collect();
    format!("{head}****{tail}")
}

/// Takes out what could name a person: every run of 7 or more digits (phones, id numbers; with
/// spaces or hyphens inside), e-mail addresses, and the given names of the requester.
pub fn redact(text: &str, names: &[&str]) -> String {
    let mut out = text.to_owned();
    for name in names.iter().map(|n| n.trim()).filter(|n| n.chars().count() >= 2) {
        out = out.replace(name, "[姓名]");
    }
    let out = redact_numbers(&out);
    out.split_inclusive(char::is_whitespace)
        .map(|word| if is_email(word.trim()) { word.replace(word.trim(), "[邮箱]") } else { word.to_owned() })
        .collect()
}

/// Says whether text holds a mobile number, an identity number or a mail address: what a worker
/// must not write where property staff read. Narrower than [`redact`], because a refused note is
/// worse than a masked one: meter and order numbers pass.
pub fn identifies(text: &str) -> bool {
    let mut run: Vec<char> = Vec::new();
    for c in text.chars().chain(['.']) {
        let c = match u32::from(c) {
            wide @ 0xFF10..=0xFF19 => char::from_u32(wide - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if c.is_ascii_digit() || (run.len() == 17 && matches!(c, 'x' | 'X')) {
            run.push(c);
        } else if run.is_empty() || !matches!(c, '-' | ' ') {
            let mobile = run.len() == 11 && run.first() == Some(&'1') && run.get(1).is_some_and(|d| *d > '2');
            if mobile || run.len() == 18 {
                return true;
            }
            run.clear();
        }
    }
    text.split_whitespace().any(is_email)
}

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
}

fn redact_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    let mut digits = 0;
    let flush = |run: &mut String, digits: &mut usize, out: &mut String| {
        if *digits >= 7 {
            let tail = run.chars().rev().take_while(|c| !c.is_ascii_digit()).count();
            let keep: String = run.chars().skip(run.chars().count() - tail).collect();
            out.push_str("[号码]");
            out.push_str(&keep);
        } else {
            out.push_str(run);
        }
        run.clear();
        *digits = 0;
    };
    for c in text.chars() {
        let c = match u32::from(c) {
            wide @ 0xFF10..=0xFF19 => char::from_u32(wide - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if c.is_ascii_digit() {
            digits += 1;
            run.push(c);
        } else if !run.is_empty() && matches!(c, '-' | ' ') {
            run.push(c);
        } else {
            flush(&mut run, &mut digits, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut digits, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_only_what_section_9_allows() {
        for (name, want) in [("张三", "张**"), ("欧阳修", "欧阳**"), (" 李 ", "李**"), ("", "")] {
            assert_eq!(mask_name(name), want);
        }
        for (phone, want) in
            [("13800008000", "138****8000"), ("0536-8123456", "053****3456"), ("110", "****"), ("无", "")]
        {
            assert_eq!(mask_phone(phone), want);
        }
    }

    #[test]
    fn what_identifies_a_person_and_what_does_not() {
        for (text, want) in [
            ("打13900001111", true),
            ("139 0000 1111 王阿姨", true),
            ("139-0000-1111", true),
            ("１３９００００１１１１", true),
            ("身份证37070519900101123X", true),
            ("370705199001011234", true),
            ("a.b@example.com 收", true),
            ("电表号 0123456789", false),
            ("工单101004143000", false),
            ("12号楼3单元201,20只", false),
            ("11900001111", false),
            ("", false),
        ] {
            assert_eq!(identifies(text), want, "{text}");
        }
    }

    #[test]
    fn redaction_takes_out_numbers_names_and_mail_and_keeps_the_rest() {
        for (text, want) in [
            ("请回电13800008000,张三", "请回电[号码],[姓名]"),
            ("电话 138 0000 8000 尽快", "电话 [号码] 尽快"),
            ("3号楼2单元201室有20只猫", "3号楼2单元201室有20只猫"),
            ("写信到 a.b@example.com 即可", "写信到 [邮箱] 即可"),
            ("身份证370705199001011234完", "身份证[号码]完"),
            ("13800008000", "[号码]"),
        ] {
            assert_eq!(redact(text, &["张三"]), want, "{text}");
        }
    }
}
