//! Evidence bundles: `export-evidence` at headquarters, `verify` anywhere.
//!
//! Invariant: what is said here is what `lanewalk_evidence::verify` proved; nothing is said of a
//! bundle that does not stand. Rejected: a machine-readable report; whoever wants one reads the
//! bundle.

use crate::{
    admin::{self, Act, AdminArgs, write_whole},
    words::{Failure, bad, bold, cut, dim, good, kb, say, warm, when},
};
use clap::Args;
use lanewalk_evidence::{Absent, Broken, Said, Trust, Unproven, Verified, WitnessVerdict, verify as check};
use lanewalk_headquarters::{Headquarters, evidence::EvidenceWish};
use lanewalk_model::{
    id::{DeviceId, DocId},
    records::ErasureRecord,
    schema::DocKind,
};
use lanewalk_protocol::{keys::PublicKey, tlog::origin};
use serde::{Deserialize, Serialize};
use std::{fs::File, io::BufReader, path::PathBuf};

/// Longest checkpoint file that is read.
const MAX_NOTE: u64 = 1 << 16;

/// Arguments of `lanewalk export-evidence`.
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// 指挥中心的数据目录 / headquarters' data directory
    #[arg(long, default_value = "hq-data")]
    data: PathBuf,
    #[command(flatten)]
    wish: Wish,
    /// 让证据包可与这份凭证比对（手机上 phone witness 的输出），可多次给出 / makes the bundle comparable with this checkpoint, as `phone witness` shows it; may be repeated
    #[arg(long)]
    checkpoint: Vec<PathBuf>,
}

/// What is to go into a bundle.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// Order id or its last digits.
    pub(crate) order: String,
    /// The bundle to write.
    pub(crate) file: PathBuf,
    /// 为什么导出；写入证据包和查阅记录 / why; it stands in the bundle and in the access log
    #[arg(long)]
    reason: String,
    /// 谁导出 / who does it
    #[arg(long, default_value = "hc-01")]
    by: String,
    /// 不带照片文件，只带指纹 / without the photo files, with their hashes
    #[arg(long)]
    no_photos: bool,
    /// 带来件原文（含个人信息） / with the record as it came in: personal data
    #[arg(long)]
    original: bool,
    #[arg(skip)]
    notes: Vec<String>,
}

/// Arguments of `lanewalk verify`.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// The bundle.
    bundle: PathBuf,
    /// 指挥中心的公钥，另行取得 / headquarters' key from elsewhere, `ed25519:…`
    #[arg(long)]
    key: Option<String>,
    /// 另行取得的凭证，如手机上 phone witness 的输出 / a checkpoint from elsewhere, as `phone witness` shows it
    #[arg(long)]
    checkpoint: Option<PathBuf>,
}

/// Runs `export-evidence`: an administrative act, through the running server or alone.
pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let mut wish = args.wish.clone();
    wish.notes = args.checkpoint.iter().map(note).collect::<Result<_, _>>()?;
    admin::run(&AdminArgs { data: args.data.clone(), act: Act::ExportEvidence(wish) })
}

fn note(file: &PathBuf) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    let opened = File::open(file).map_err(|e| Failure::from(e).about(file.display()))?;
    opened.take(MAX_NOTE).read_to_string(&mut text).map_err(|e| Failure::from(e).about(file.display()))?;
    // `phone witness` may show others before the newest.
    let newest = text.rfind("\nlanewalk/hq/").and_then(|at| text.get(at..)).unwrap_or(&text);
    Ok(format!("{}\n", newest.trim()))
}

/// Writes a bundle.
pub(crate) fn perform(hq: &mut Headquarters, order: DocId, wish: &Wish) -> Result<String, Failure> {
    let asked = EvidenceWish {
        by: wish.by.clone(),
        reason: wish.reason.clone(),
        no_photos: wish.no_photos,
        original: wish.original,
        checkpoints: wish.notes.clone(),
    };
    let made = hq.export_evidence(order, &asked)?;
    write_whole(&wish.file, |out| Ok(made.write(out)?))?;
    let (entries, photos) = (made.entries, made.photos);
    Ok(format!(
        "证据包：{entries} 条记录，{photos} 个照片文件 / bundle of {entries} entries and {photos} photo files: {}\n核验 / to check: lanewalk verify {}",
        wish.file.display(),
        wish.file.display()
    ))
}

/// Runs `verify`.
pub(crate) fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let key = match &args.key {
        Some(text) => Some(PublicKey::from_text(text).ok_or_else(|| {
            Failure::usage("公钥应为 ed25519: 加 64 位十六进制 / a key is ed25519: and 64 hexadecimal digits")
        })?),
        None => None,
    };
    let checkpoint = args.checkpoint.as_ref().map(note).transpose()?;
    let file = File::open(&args.bundle).map_err(|e| Failure::from(e).about(args.bundle.display()))?;
    let found = check(BufReader::new(file), &Trust { key, checkpoint }).map_err(|broken| {
        Failure::new(format!(
            "{}\n{}",
            bad("证据包不成立 / this bundle does not stand"),
            broken_words(&broken)
        ))
    })?;
    tell(&found);
    Ok(())
}

fn broken_words(broken: &Broken) -> String {
    let zh = match broken {
        Broken::Container(_) => "文件不完整、被改动或不是证据包".into(),
        Broken::File(name) => format!("文件缺失或与清单不符：{name}"),
        Broken::Json { file, .. } => format!("{file} 无法读取"),
        Broken::Format(_) => "不认识的格式".into(),
        Broken::TooMany(_) => "数量超出限制".into(),
        Broken::ManifestSignature => "清单不是由该指挥中心签名，或已被改动".into(),
        Broken::OtherKey => "证据包出自另一个指挥中心，不是您指定的".into(),
        Broken::Checkpoint(_) => "日志凭证不成立".into(),
        Broken::Entry { index, .. } => format!("第 {index} 条记录不成立"),
        Broken::NotListed(what) => format!("引用了包内没有的内容：{what}"),
        Broken::Original => "来件原文与工单登记时的承诺不符".into(),
        Broken::Contradicted => "与另行取得的凭证矛盾：日志被改写过".into(),
    };
    format!("{zh} / {broken}")
}

/// Says what a bundle shows.
fn tell(v: &Verified) {
    let m = &v.manifest;
    say!("{}", good(bold("证据包成立 / this bundle stands")));
    say!("工单 / order {}", m.order);
    say!(
        "由 {} 于 {} 导出，理由：{} / made by {} for: {}",
        m.made_by,
        when(Some(m.made_at)),
        m.reason,
        m.made_by,
        m.reason
    );
    say!(
        "指挥中心 / headquarters {}（{}），日志 {} 条，{} / {} lines of the log then",
        origin(&m.hq_key),
        m.hq_key.to_text(),
        v.head.size,
        when(Some(v.head.hq_time)),
        v.head.size
    );
    if v.head.began > 0 {
        say!(
            "{}",
            warm(format!(
                "该数据库由备份恢复，恢复时有 {} 条 / restored from a backup of {} lines",
                v.head.began, v.head.began
            ))
        );
    }
    say!("");
    say!("{}", bold("设备 / devices"));
    for d in v.devices.iter().filter(|d| d.worker != "hq") {
        let revoked = d.revoked_at.map_or(String::new(), |at| format!("，停用 / revoked {}", when(Some(at))));
        say!(
            "  {}  {} {}（{}），登记 / enrolled {}{revoked}  {}",
            tail(&d.id),
            d.worker,
            d.name,
            d.role,
            when(Some(d.enrolled_at)),
            dim(d.key.short_fingerprint())
        );
    }
    say!("");
    say!("{}", bold("记录，按指挥中心收到的先后 / entries in the order headquarters had them"));
    for entry in &v.entries {
        said(v, entry);
    }
    photos(v);
    outside(v);
    limits(v);
}

fn tail(device: &DeviceId) -> String {
    let hex = device.to_string();
    hex.chars().skip(hex.len().saturating_sub(6)).collect()
}

fn kind_zh(kind: DocKind) -> &'static str {
    match kind {
        DocKind::Order => "工单",
        DocKind::Brief => "来件摘要",
        DocKind::Visit => "走访",
        DocKind::Appeal => "诉求",
        DocKind::Place => "地点",
        DocKind::Person => "居民",
        DocKind::Care => "关爱",
        DocKind::Survey => "调查",
        DocKind::TaskForce => "专班",
        DocKind::Knowledge => "知识",
        DocKind::Reference => "资料",
    }
}

fn said(v: &Verified, e: &Said) {
    let device = v.devices.iter().find(|d| d.id == e.device);
    let own = device.is_some_and(|d| d.worker == "hq");
    let name = device.map_or("", |d| d.name.as_str());
    let kind = format!("{} / {}", kind_zh(e.doc.kind), e.doc.kind.name());
    if own {
        say!(
            "  #{} {} 指挥中心写入，决定人 {} / written at headquarters, by {}  [{kind}]",
            e.index,
            when(Some(e.hq_time)),
            e.author,
            e.author
        );
    } else {
        let after = match (e.seq, e.after_ms) {
            (1, _) => "该设备的第一条 / the device's first".to_owned(),
            (n, None) => format!("该设备第 {n} 条，在第 {} 条之后 / its entry {n}, after {}", n - 1, n - 1),
            (n, Some(at)) => format!(
                "该设备第 {n} 条，在第 {} 条之后、{} 之后 / its entry {n}, after {} and after that time",
                n - 1,
                when(Some(at)),
                n - 1
            ),
        };
        say!(
            "  #{} {} 收到；{} {name} 的设备 {} 写于 {}（手机时间，仅供参考） / had then; written by {} at the phone's time  [{kind}]",
            e.index,
            when(Some(e.hq_time)),
            e.author,
            tail(&e.device),
            when(Some(e.wall_ms)),
            e.author
        );
        say!("      {}；计为 / counts as of {}（{}）", after, when(Some(e.effective_at)), e.trust);
    }
    if let Some(code) = &e.refused {
        say!(
            "      {}",
            warm(format!("未进入工单，原样留存 / kept, but not let into the documents: {code}"))
        );
    }
    for (key, value) in &e.written {
        match value {
            Some(value) => say!("      {key} = {}", cut(value, 160)),
            None => say!("      {key} {}", dim("（删除 / taken away）")),
        }
    }
}

fn photos(v: &Verified) {
    if v.photos.is_empty() {
        return;
    }
    say!("");
    say!("{}", bold("照片文件 / photo files"));
    for p in &v.photos {
        let state = match p.absent {
            None => good("在包内，与指纹相符 / in the bundle, fits its hash"),
            Some(Absent::LeftOut) => dim("导出时未带 / left out"),
            Some(Absent::NotThere) => warm("指挥中心没有此文件 / headquarters has not got it"),
        };
        say!("  {} {} {} #{}  {state}", p.file.sha256, p.part, kb(p.file.bytes), p.index);
    }
}

/// What came in from outside: there, erased, or left out.
fn outside(v: &Verified) {
    let erased = v.entries.iter().flat_map(|e| &e.written).filter(|(key, _)| key.starts_with("erasure/"));
    let erased: Vec<ErasureRecord> =
        erased.filter_map(|(_, value)| serde_json::from_str(value.as_deref()?).ok()).collect();
    if v.commitments.is_empty() {
        return;
    }
    say!("");
    say!("{}", bold("来件 / what came in from outside"));
    for c in &v.commitments {
        match &c.original {
            Some((at, media, bytes)) => say!(
                "  #{} {}",
                c.index,
                good(format!(
                    "{} 收到的原文（{media}，{}）在包内，与登记时的承诺相符 / the original is in the bundle and is the one that was registered",
                    when(Some(*at)),
                    kb(bytes.len() as u64)
                ))
            ),
            None if erased.is_empty() => {
                say!("  #{} {}", c.index, dim("原文未带 / the original was left out, or never kept"));
            }
            None => say!("  #{} {}", c.index, dim("原文已不在 / the original is gone")),
        }
    }
    for e in erased {
        let by = e.second.map_or_else(|| e.by.clone(), |second| format!("{}、{second}", e.by));
        say!(
            "  {}",
            warm(format!(
                "来件人信息和原文已于 {} 由 {by} 删除；以上证明不受影响 / who asked and the original were erased then by {by}; the proofs above stand",
                when(Some(e.at.0))
            ))
        );
    }
}

/// What this does not show.
fn limits(v: &Verified) {
    say!("");
    if let WitnessVerdict::Agrees(head) = v.witness {
        let agrees = format!(
            "与另行取得的凭证（{} 条）相符 / agrees with the checkpoint from elsewhere of {} lines",
            head.size, head.size
        );
        say!("{}", good(agrees));
    }
    say!("{}", bold("未能证明的 / what could not be verified"));
    match v.witness {
        WitnessVerdict::Agrees(_) => {}
        WitnessVerdict::NotComparable(head) => say!(
            "  {}",
            warm(format!(
                "与另行取得的凭证（{} 条）无从比对：请用它重新导出 / cannot be compared with that checkpoint ({} lines): have the bundle made with it",
                head.size, head.size
            ))
        ),
        WitnessVerdict::NotGiven => say!(
            "  没有给出手机等处的凭证：日志是否曾被整体改写，此处不能说明 / no checkpoint from a phone was given: whether all of the log was rewritten is not shown here"
        ),
    }
    for u in &v.unproven {
        match u {
            Unproven::OwnKey => say!(
                "  公钥来自证据包本身，请与另行取得的比对（--key） / the key is the bundle's own: compare it with one from elsewhere (--key): {}",
                v.manifest.hq_key.to_text()
            ),
            Unproven::MissingBefore { index, change } => say!(
                "  {}",
                warm(format!(
                    "#{index} 依据的一处修改不在包内 / what #{index} builds on is missing: {change}"
                ))
            ),
            Unproven::Unreadable { index } => {
                say!(
                    "  {}",
                    warm(format!(
                        "#{index} 的内容无法读出（已按原样留存） / the content of #{index} cannot be read; it was kept as it came"
                    ))
                );
            }
        }
    }
    say!(
        "  设备登记给谁、姓名和角色，由指挥中心的签名保证 / whose a device is, names and roles: on headquarters' signature"
    );
}
