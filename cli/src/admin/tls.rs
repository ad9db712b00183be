//! `lanewalk admin tls`: the keys of headquarters' own TLS.
//!
//! Invariant: a key is changed only while headquarters is stopped, and only to one that every phone
//! in use knows, unless somebody says that the others may be left behind. Rejected: changing keys
//! under a running server; a restart takes a second.

use super::TlsAct;
use crate::{
    serve,
    words::{Failure, bold, dim, say, when},
};
use lanewalk_headquarters::{
    Source as _, SystemSource,
    tls::{Tls, TlsFolder},
};
use lanewalk_model::{id::to_hex, time::TimeMs};
use std::path::Path;

/// Runs one act.
pub(super) fn run(data: &Path, act: &TlsAct) -> Result<(), Failure> {
    let (folder, now) = (TlsFolder::new(data), TimeMs(SystemSource.now_ms()));
    if let TlsAct::Show = act {
        show(&folder.load(now)?);
        return Ok(());
    }
    let _lock = serve::lock(data)?;
    match act {
        TlsAct::Show => {}
        TlsAct::Init { names } => {
            show(&folder.init(names, now)?);
            say!(
                "{}",
                dim(
                    "下次启动起使用；新的邀请码带有密钥指纹 / used from the next start on; new invitations carry the keys"
                )
            );
        }
        TlsAct::Renew { names } => show(&folder.renew(names, now)?),
        TlsAct::Rotate { leave_behind } => {
            let behind = if data.join(serve::DATABASE).exists() { strangers(data)? } else { Vec::new() };
            if !behind.is_empty() && !leave_behind {
                return Err(Failure::new(format!(
                    "这些手机还不认识下一把密钥，换了就连不上，请先让它们同步，或加 --leave-behind / these phones do not know the next key yet: let them sync first, or add --leave-behind\n  {}",
                    behind.join("\n  ")
                )));
            }
            show(&folder.rotate(now)?);
        }
    }
    Ok(())
}

/// Lists the devices in use that have not synced since leases began to tell the present keys.
fn strangers(data: &Path) -> Result<Vec<String>, Failure> {
    let db = lanewalk_headquarters::store::open_reader(&data.join(serve::DATABASE))?;
    Ok(lanewalk_headquarters::enrol::unaware(&db)?
        .into_iter()
        .map(|(device, worker, contact)| format!("{device} {worker} {}", when(contact)))
        .collect())
}

fn show(tls: &Tls) {
    say!("{} {}", bold("名称 / names"), tls.names.join(" "));
    say!("{} {}", bold("证书到 / certificate until"), tls.valid_until.china());
    say!("{} {}", bold("根证书（装入浏览器） / root for browsers"), tls.root.display());
    for (hash, what) in tls.pins.hashes().iter().zip(["当前密钥 / key in use", "下一把 / next key"]) {
        say!("{} sha256:{}", bold(what), to_hex(&hash.0));
    }
    say!("{} {}", bold("换过密钥 / rotations"), tls.rotations);
}
