//! `lanewalk phone`: one phone's core, driven from a terminal.
//!
//! Invariant: every verb is one call of the facade that the apps use, on a real encrypted store; what
//! it prints as saved is on the disk. Rejected: a mock phone, which proves nothing.

mod acts;
mod ids;
pub(crate) mod keys;
mod photos;
mod show;
mod verbs;

pub(crate) use acts::{method_of, proposal_of};
use verbs::Verb;

use crate::words::{Failure, bold, dim, say};
use clap::{Args, Parser};
use lanewalk_field::{Config, Field, FontFile, PhotoSettings, SystemSource};
use std::{
    fs::{File, TryLockError},
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of `lanewalk phone`.
#[derive(Args)]
pub(crate) struct PhoneArgs {
    /// 手机的数据目录 / the phone's data directory
    #[arg(long)]
    data: PathBuf,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// An opened phone.
pub(crate) struct Phone {
    /// The core.
    pub(crate) field: Field,
    /// Where it lives.
    pub(crate) data: PathBuf,
    /// Two programs on one store would each trust their own cache.
    _lock: File,
}

/// Opens or creates a phone in a directory of its own (mode 0700).
pub(crate) fn open(data: &Path) -> Result<Phone, Failure> {
    let keys = keys::open(data)?;
    let lock = File::create(data.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Failure::new("另一个程序正在使用这部手机 / another program uses this phone"));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let config = Config::new(data.to_path_buf(), keys.store);
    let field = Field::open(config, Arc::new(SystemSource::new()), Arc::new(keys.signer))?;
    let fonts = vec![FontFile { path: stamp_font(data)?, index: None }];
    field.set_photo_settings(PhotoSettings { fonts, ..PhotoSettings::default() })?;
    Ok(Phone { field, data: data.to_path_buf(), _lock: lock })
}

/// Puts the stamp's font beside the phone: an app names the system's fonts, a terminal may be on a
/// machine that has no Chinese one.
fn stamp_font(data: &Path) -> Result<PathBuf, Failure> {
    const FONT: &[u8] = include_bytes!("../../../rust-core/media/fonts/NotoSansSC-GB2312.otf");
    let path = data.join("stamp.otf");
    if std::fs::metadata(&path).is_ok_and(|m| m.len() == FONT.len() as u64) {
        return Ok(path);
    }
    // Aside first: a mapped font must not change, and another process may be reading it.
    let aside = data.join(format!("stamp.{}", std::process::id()));
    std::fs::write(&aside, FONT)?;
    std::fs::rename(&aside, &path)?;
    Ok(path)
}

/// Runs one verb, or a prompt that takes them line by line.
pub(crate) fn run(args: &PhoneArgs) -> Result<(), Failure> {
    if !args.data.join("keys").exists() && !matches!(args.verb, Some(Verb::Enrol { .. })) {
        let data = args.data.display();
        return Err(Failure::usage(format!(
            "{data} 里没有手机，请先登记 / no phone in {data}, first: lanewalk phone --data {data} enrol '…'"
        )));
    }
    let phone = open(&args.data)?;
    match &args.verb {
        Some(verb) => verbs::run(&phone, verb),
        None => prompt(&phone),
    }
}

#[derive(Parser)]
#[command(no_binary_name = true, disable_version_flag = true)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

fn prompt(phone: &Phone) -> Result<(), Failure> {
    let input = std::io::stdin();
    let asks = input.is_terminal();
    if asks {
        say!("{}", dim("help 看有哪些命令，Ctrl-D 离开 / help lists the verbs, Ctrl-D leaves"));
    }
    loop {
        if asks {
            let who = phone.field.identity().map_or_else(|| "?".into(), |me| me.name);
            let mut out = std::io::stdout();
            write!(out, "{} ", bold(format!("{who}>")))?;
            out.flush()?;
        }
        let mut line = String::new();
        if input.lock().read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words = split(&line);
        match words.first().map(String::as_str) {
            None => continue,
            Some("quit" | "exit") => return Ok(()),
            Some(_) => {}
        }
        // A wrong line ends nothing: the next one may be right.
        match Line::try_parse_from(words) {
            Ok(line) => {
                if let Err(failure) = verbs::run(phone, &line.verb) {
                    eprintln!("{failure}");
                }
            }
            Err(help) => eprintln!("{help}"),
        }
    }
}

/// Splits a line into words; quotes of either kind hold spaces together.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, begun) = (Some(c), true),
            None if c.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        for (line, want) in [
            ("", vec![]),
            ("  list  --all \n", vec!["list", "--all"]),
            ("note 3 '楼道 已清理' \"a 'b'\"", vec!["note", "3", "楼道 已清理", "a 'b'"]),
            ("note 3 ''", vec!["note", "3", ""]),
        ] {
            assert_eq!(split(line), want, "{line}");
        }
    }
}
