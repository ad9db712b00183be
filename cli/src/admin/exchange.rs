//! Files for neighbours without a network, by hand.
//!
//! Invariant: a file that was written is whole: it is made beside its name and then renamed.

use super::ExchangeAct;
use crate::words::Failure;
use lanewalk_headquarters::Headquarters;
use std::{
    fs,
    io::{Read as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Longest file that is read; headquarters refuses shorter ones already.
const MAX_READ: u64 = 64 << 20;

/// Performs an act and says what it did.
pub(super) fn perform(hq: &mut Headquarters, act: &ExchangeAct) -> Result<String, Failure> {
    Ok(match act {
        ExchangeAct::Key => hq.exchange_key(),
        ExchangeAct::Trust { name, key, all } => {
            hq.trust_neighbour(name, key, *all)?;
            format!("已登记 / registered {name}")
        }
        ExchangeAct::Export { name, file, again, by } => {
            let given = match again {
                Some(seq) => Some(hq.give_again(name, *seq, by)?),
                None => hq.give_file(name, by)?,
            };
            let Some(given) = given else {
                return Ok("上次以来没有变化 / nothing changed since the last file".to_owned());
            };
            write(file, |out| out.write_all(&given.bytes).map_err(Failure::from)).map_err(|e| {
                let seq = given.seq;
                let hint = format!("第 {seq} 号文件未写成，用 --again {seq} 再导出 / file {seq} was not written: use --again {seq}");
                e.about(hint)
            })?;
            let more =
                if given.more { "；还有更多，请再导出 / more is left: export again" } else { "" };
            format!(
                "第 {} 号文件，{} 条 / file {}, {} records{more}",
                given.seq, given.lines, given.seq, given.lines
            )
        }
        ExchangeAct::Import { file, allow_gap, by } => {
            let mut bytes = Vec::new();
            fs::File::open(file)?.take(MAX_READ).read_to_end(&mut bytes)?;
            let done = hq.take_file(&bytes, by, *allow_gap)?;
            let (seq, n) = (done.seq, done.orders);
            format!(
                "第 {seq} 号文件：新 {}，已有 {}，补充 {} / file {seq}: {} new, {} known, {} amended",
                n.new, n.known, n.amended, n.new, n.known, n.amended
            )
        }
    })
}

/// Writes a file whole or not at all, readable by its owner alone.
pub(crate) fn write(
    file: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    content(&mut out)?;
    out.sync_all()?;
    Ok(fs::rename(&beside, file)?)
}
