//! The verbs of a phone and which call of the core each one is.

use super::{Phone, acts, ids, photos, photos::PhotoVerb, show};
use crate::words::{Failure, bad, bold, dim, good, say, warm, when};
use clap::Subcommand;
use lanewalk_field::{Farewell, HttpTransport, ListQuery, Standing};
use lanewalk_model::{position::Position, schema::DocKind};
use std::sync::Arc;

/// What a phone can be told to do.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// 登记：扫码得到的文字 / makes this a device, with the text of the QR code
    Enrol { invitation: String },
    /// 列表（默认未办结的工单） / lists open orders
    List {
        /// 全部工单和其他记录 / every document
        #[arg(long)]
        all: bool,
        /// order, visit, appeal, place, person, …
        #[arg(long)]
        kind: Option<String>,
        /// 由近到远 / nearest first: LAT,LON
        #[arg(long, value_parser = acts::position, allow_hyphen_values = true)]
        near: Option<Position>,
    },
    /// 查看一条 / shows a document
    Show {
        id: String,
        /// 全部字段 / every field with its author
        #[arg(long)]
        raw: bool,
    },
    /// 走访、现场查实 / records a visit to an order, a place or a person
    Visit {
        id: String,
        /// prelim_call, prelim, site_check, handle, supervise, patrol, care
        #[arg(long, default_value = "site_check")]
        kind: String,
        /// met, absent, refused, locked
        #[arg(long, default_value = "met")]
        result: String,
        /// collect, mediate, publicity, safety, service, emergency
        #[arg(long, default_value = "")]
        purpose: String,
        #[arg(long, default_value = "")]
        notes: String,
        /// LAT,LON
        #[arg(long, value_parser = acts::position, allow_hyphen_values = true)]
        at: Option<Position>,
    },
    /// 照片 / photos
    #[command(subcommand)]
    Photo(PhotoVerb),
    /// 备注 / adds a note to an order
    Note {
        id: String,
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// 测量、清点 / adds a number
    Measure {
        id: String,
        what: String,
        #[arg(allow_hyphen_values = true)]
        number: String,
        unit: String,
        /// counted, measured, estimated, told
        #[arg(long, default_value = "measured")]
        method: String,
    },
    /// 严重程度 0–3（只升不降） / severity, only ever up
    Severity { id: String, level: i64 },
    /// 查实的情况 / writes what was verified
    Verify {
        id: String,
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// 答复内容 / writes the reply
    Reply {
        id: String,
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// 写任一字段；也用来在几个不同的值里选定一个 / writes any field; also settles a conflict
    Set {
        id: String,
        key: String,
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// 提出：签收、退单、提交、转办理、延期 / asks headquarters for something
    Propose {
        id: String,
        /// ack, return, submit, handle, extend
        #[arg(value_parser = ["ack", "return", "submit", "handle", "extend"])]
        what: String,
        #[arg(long, default_value = "")]
        reason: String,
        /// self_corrected, enforced, mediated, explained, referred_police, not_found, not_ours
        #[arg(long)]
        outcome: Option<String>,
        /// 延期工作日数 / working days
        #[arg(long)]
        days: Option<u32>,
        /// 明知会被拒绝也提出 / ask although it would be refused
        #[arg(long)]
        force: bool,
    },
    /// 收集诉求 / records an appeal
    Appeal {
        #[arg(required = true)]
        text: Vec<String>,
        /// consult, help, suggest, complain, report, opinion
        #[arg(long, default_value = "help")]
        kind: String,
        #[command(flatten)]
        whereabouts: Whereabouts,
    },
    /// 登记居民 / records a resident
    Person {
        name: String,
        phone: String,
        /// 登记目的 / why
        #[arg(long, default_value = "走访联系")]
        purpose: String,
        #[command(flatten)]
        whereabouts: Whereabouts,
    },
    /// 登记地点、户 / records a place
    Place {
        address: String,
        name: String,
        /// dwelling, shop, org, service_point, public
        #[arg(long, default_value = "dwelling")]
        kind: String,
        #[command(flatten)]
        whereabouts: Whereabouts,
    },
    /// 搜索 / searches orders, places and people
    Search {
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// 这里是哪个网格 / which grid is this: LAT,LON
    Grid {
        #[arg(value_parser = acts::position, allow_hyphen_values = true)]
        at: Position,
    },
    /// 与指挥中心同步 / syncs with headquarters
    Sync,
    /// 本机状态 / how this phone stands
    Status,
    /// 被拒收的内容和原因 / what headquarters refused, and why
    Quarantine {
        /// 完整导出为 JSON / every byte as JSON
        #[arg(long)]
        export: bool,
    },
    /// 本机保存的指挥中心日志凭证 / what this phone keeps of headquarters' log, signed by it
    Witness,
    /// 没有上传的内容，完整导出为 JSON / what headquarters does not hold yet, every byte as JSON
    ExportUnsent,
    /// 停用后的手机：销毁密钥和数据（还有内容可补交时不会执行） / a revoked phone: destroys its key and its store
    Wipe {
        /// 已告知本人会丢失什么，本人选择不导出 / the worker was told what is lost and wants no copy
        #[arg(long)]
        without_copy: bool,
    },
    /// 等待选定的不同值 / fields on which people disagree
    Conflicts,
}

/// Where something is, when several grids are held.
#[derive(clap::Args)]
pub(crate) struct Whereabouts {
    /// 网格编号 / grid cell
    #[arg(long)]
    pub(super) grid: Option<String>,
    /// LAT,LON
    #[arg(long, value_parser = acts::position, allow_hyphen_values = true)]
    pub(super) at: Option<Position>,
}

/// Runs a verb.
pub(super) fn run(phone: &Phone, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Enrol { invitation } => enrol(phone, invitation),
        Verb::List { all, kind, near } => list(phone, *all, kind.as_deref(), *near),
        Verb::Show { id, raw } => show::document(phone, ids::find(phone, id)?, *raw),
        Verb::Search { text } => {
            let items = phone.field.search(&text.join(" "), 50)?;
            ids::remember(phone, &items)?;
            show::list(phone, &items);
            Ok(())
        }
        Verb::Grid { at } => {
            match phone.field.grid_at(at)? {
                Some((id, name)) => say!("{} {id}", bold(name)),
                None => say!("不在任何网格内 / in no grid"),
            }
            Ok(())
        }
        Verb::Photo(verb) => photos::run(phone, verb),
        Verb::Sync => sync(phone),
        Verb::Status => status(phone),
        Verb::Quarantine { export } => quarantine(phone, *export),
        Verb::Witness => witness(phone),
        Verb::ExportUnsent => {
            say!("{}", phone.field.export_unsent()?);
            Ok(())
        }
        Verb::Wipe { without_copy } => wipe(phone, *without_copy),
        Verb::Conflicts => {
            let all = phone.field.conflicts()?;
            if all.is_empty() {
                say!("没有 / none");
            }
            for (id, conflict) in all {
                show::conflict(phone, id, &conflict);
            }
            Ok(())
        }
        act => acts::perform(phone, act),
    }
}

fn enrol(phone: &Phone, text: &str) -> Result<(), Failure> {
    let transport = HttpTransport::for_invitation(text, None)?;
    let me = phone.field.enrol(text, &transport)?;
    say!("{} {}（{}，{}）", good("已登记 / enrolled:"), me.name, me.worker, me.role.zh());
    say!(
        "{}",
        dim(format!(
            "设备 / device {}；密钥在 / keys in {}/keys（代替手机密钥库 / in place of a keystore）",
            me.device,
            phone.data.display()
        ))
    );
    if me.written_again > 0 {
        say!(
            "{} {}",
            warm("补写总部没有的记录 / written again, since headquarters lacks them:"),
            me.written_again
        );
    }
    match phone.field.standing()? {
        Standing::Waiting { fingerprint } => {
            say!(
                "{} {}",
                warm("等待确认，请与管理员核对指纹 / waiting, compare the fingerprint:"),
                bold(fingerprint)
            );
            Ok(())
        }
        _ => sync(phone),
    }
}

fn wipe(phone: &Phone, without_copy: bool) -> Result<(), Failure> {
    if without_copy {
        phone.field.decline_export()?;
    }
    let Standing::Revoked { next: Farewell::Wipe, .. } = phone.field.standing()? else {
        return Err(Failure::new(
            "现在不能清除：还没有停用，或还有内容没有交出，见 status / not now: not revoked, or something is still to be delivered, see status",
        ));
    };
    // The key first: from then on the rest is noise, whatever interrupts this.
    super::keys::destroy(&phone.data)?;
    phone.field.wipe()?;
    say!("{}", good("密钥和数据已销毁 / key and store destroyed"));
    Ok(())
}

fn list(phone: &Phone, all: bool, kind: Option<&str>, near: Option<Position>) -> Result<(), Failure> {
    let kind = match kind {
        Some(name) => Some(
            DocKind::from_name(name)
                .ok_or_else(|| Failure::usage(format!("没有这类记录 / no such kind: {name}")))?,
        ),
        None => (!all).then_some(DocKind::Order),
    };
    let query = ListQuery { kind, open_only: !all, near, limit: 1_000, ..ListQuery::default() };
    let items = phone.field.list(&query)?;
    ids::remember(phone, &items)?;
    show::list(phone, &items);
    Ok(())
}

/// Makes the way to headquarters.
pub(super) fn transport(phone: &Phone) -> Result<Arc<HttpTransport>, Failure> {
    Ok(phone.field.transport(None)?)
}

fn sync(phone: &Phone) -> Result<(), Failure> {
    let transport = transport(phone)?;
    let r = phone.field.sync(&*transport)?;
    say!(
        "{} 回执确认 {} 条；收到整份 {}，变更 {}，移走 {} / acknowledged {}; documents {}, changes {}, gone {}",
        good("已同步 / synced:"),
        r.acknowledged,
        r.snapshots,
        r.pulled,
        r.left,
        r.acknowledged,
        r.snapshots,
        r.pulled,
        r.left,
    );
    let cost = (r.requests, r.bytes_up, r.bytes_down);
    say!(
        "{}",
        dim(format!(
            "往返 {} 次，上行 {} 字节，下行 {} 字节 / round trips, bytes up, bytes down",
            cost.0, cost.1, cost.2
        ))
    );
    if r.refused > 0 {
        say!("{}", warm(format!("{} 条被拒收，见 quarantine / refused, see quarantine", r.refused)));
    }
    Ok(())
}

fn status(phone: &Phone) -> Result<(), Failure> {
    let status = phone.field.status()?;
    match phone.field.identity() {
        Some(me) => say!(
            "{}（{}，{}）  网格 / grids: {}",
            bold(&me.name),
            me.worker,
            me.role.zh(),
            me.grids.join(" ")
        ),
        None => say!("{}", warm("尚未登记 / not enrolled")),
    }
    say!(
        "待发 / waiting {}  已有回执 / with receipt {}  被拒收 / quarantined {}  待选定 / in conflict {}",
        status.pending,
        status.acked,
        status.quarantined,
        status.conflicts
    );
    say!(
        "最近联系 / last contact {}  最后一条 / last entry {}",
        when(status.last_contact_ms),
        status.last_seq
    );
    match phone.field.standing()? {
        Standing::NotEnrolled | Standing::Active => {}
        Standing::Waiting { fingerprint } => {
            say!("{} {}", warm("等待确认，指纹 / waiting, fingerprint"), bold(fingerprint));
        }
        Standing::Revoked { deposit_until, entries, files, next } => {
            let until = deposit_until.map_or_else(|| "—".into(), |at| when(Some(at)));
            say!("{}", warm(format!("本机已停用，补交截止 / revoked, deliver until {until}")));
            say!(
                "总部尚未备份或收到 / not backed up or received: {entries} 条 entries，{files} 个文件 files"
            );
            say!(
                "{}",
                match next {
                    Farewell::Deliver => "请同步 / sync",
                    Farewell::Export =>
                        "请 export-unsent，或 wipe --without-copy / take a copy or go without",
                    Farewell::Wipe => "可以清除 / may be wiped: wipe",
                }
            );
        }
    }
    for (code, detail) in status.problems {
        say!("{}", warm(format!("{code}: {detail}")));
    }
    Ok(())
}

fn witness(phone: &Phone) -> Result<(), Failure> {
    let seen = phone.field.witness()?;
    for c in &seen.contradictions {
        say!(
            "{}",
            bad(format!("指挥中心的日志前后矛盾 / headquarters' log contradicts itself（{}）", c.kind))
        );
        say!("{}\n{}", c.held, c.seen);
    }
    for note in &seen.earlier {
        say!("{}\n{note}", dim("恢复备份之前的凭证 / from before a restore"));
    }
    match &seen.checkpoint {
        Some(note) => say!("{}", note.trim_end()),
        None => say!("还没有 / none yet"),
    }
    Ok(())
}

fn quarantine(phone: &Phone, export: bool) -> Result<(), Failure> {
    if export {
        say!("{}", phone.field.export_quarantine()?);
        return Ok(());
    }
    let all = phone.field.quarantine()?;
    if all.is_empty() {
        say!("没有 / none");
    }
    for entry in all {
        say!(
            "{} {} {}：{} {}",
            when(Some(entry.at.0)),
            entry.doc,
            warm("被拒收 / refused"),
            crate::words::denial_zh(&entry.code),
            entry.code
        );
        for written in entry.written {
            say!("  {} = {}", written.key, written.value.as_deref().unwrap_or("（删除 / removed）"));
        }
    }
    Ok(())
}
