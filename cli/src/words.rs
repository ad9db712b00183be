//! What people read: failures in two languages, colours, times, ids.
//!
//! Invariant: Chinese first, English beside it; colour only on a terminal that did not forbid it.
//! Rejected: translation files; the program has few sentences and both languages change together.

use lanewalk_field::{FieldError, SyncError};
use lanewalk_headquarters::{HqError, tls::TlsError};
use lanewalk_model::{id::DocId, id::to_hex, time::TimeMs};
use std::{
    fmt,
    io::{IsTerminal as _, Write as _},
    sync::OnceLock,
};

/// Prints a line for people. Ends the program when nobody reads any more, as in `lanewalk … | head`.
macro_rules! say {
    ($($words:tt)*) => { $crate::words::line(format_args!($($words)*)) };
}
pub(crate) use say;

/// The exit code of a program that SIGPIPE ended.
const NOBODY_READS: i32 = 128 + 13;

/// Prints a line; see [`say!`].
pub(crate) fn line(words: fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{words}").and_then(|()| out.flush()).is_err() {
        std::process::exit(NOBODY_READS);
    }
}

/// Why the program ends without having done what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    text: String,
}

impl Failure {
    /// Makes an ordinary failure (exit code 1).
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    /// Makes a failure of use (exit code 2).
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }

    /// Adds what was being done.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.text = format!("{what}：{}", self.text);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("文件或进程出错 / file or process: {error}"))
    }
}

impl From<HqError> for Failure {
    fn from(error: HqError) -> Self {
        Self::new(format!("指挥中心 / headquarters: {error}"))
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        let zh = match &error {
            TlsError::Missing => "还没有 TLS，请先运行 tls init",
            TlsError::Exists => "TLS 已经设好，可以 renew 或 rotate",
            TlsError::Name(_) => "这不是主机名或地址",
            TlsError::Damaged(_) => "tls.json 损坏，请从备份取回",
            TlsError::Io(_) => "文件出错",
        };
        Self::new(format!("{zh} / {error}"))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(format!("数据库 / database: {error}"))
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Self {
        Self::new(field_words(&error))
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        let code =
            if matches!(error, SyncError::NoNetwork { .. } | SyncError::NotHeadquarters) { 3 } else { 1 };
        Self { code, text: sync_words(&error) }
    }
}

/// Says why the phone's store refused.
pub(crate) fn field_words(error: &FieldError) -> String {
    let zh = match error {
        FieldError::WrongKey => "密钥打不开数据库".into(),
        FieldError::NewerSchema { .. } => "数据库由更新的版本写成，请升级".into(),
        FieldError::Corrupt { .. } => "数据库文件损坏，原样保留".into(),
        FieldError::StorageFull => "存储空间已满，未写入".into(),
        FieldError::NotEnrolled => "本机尚未登记，请先 enrol".into(),
        FieldError::Paused => "数据库已暂停".into(),
        FieldError::NotFound => "本机没有这条记录".into(),
        FieldError::NotAllowed { code } => format!("没有权限（{}）", denial_zh(code)),
        FieldError::WouldBeRefused { refusal } => {
            return format!(
                "指挥中心会拒绝，未写下：{}（加 --force 仍可提出） / headquarters would refuse this, nothing was written: {} (--force asks all the same)",
                refusal.zh(),
                refusal.en()
            );
        }
        FieldError::LeaseOver => "太久没有联系指挥中心，只能记录新的事实".into(),
        FieldError::Invalid { field, .. } => format!("“{field}”不合要求"),
        FieldError::Photo { code, .. } => photo_zh(code).into(),
        FieldError::Internal { .. } => "内部错误".into(),
    };
    format!("{zh} / {error}")
}

/// Says in Chinese why a photo is not taken in or cannot be read.
fn photo_zh(code: &str) -> &str {
    match code {
        "transcode_first" => "请先转成 JPEG 再收入",
        "too_many_bytes" | "too_many_pixels" | "too_long" | "too_much_memory" => "照片太大",
        "too_small" => "照片太小，放不下水印",
        "unsupported" => "不是可用的照片格式",
        "truncated" => "照片文件不完整",
        "polyglot" => "照片里藏有别的文件",
        "malformed" | "decoder" => "照片文件已损坏",
        "undrawable" | "font" => "水印字体不可用",
        "changed" => "照片文件正在被改动",
        "missing" => "照片文件不见了",
        "altered" => "照片文件已损坏",
        _ => "照片无法处理",
    }
}

/// Says in Chinese why somebody may not.
pub(crate) fn denial_zh(code: &str) -> &str {
    match code {
        "role_kind" => "该角色不接触此类记录",
        "role_field" => "该角色不能填写此项",
        "unknown_field" => "没有这一项",
        "outside_grid" => "不在您的网格内",
        "not_assigned" => "未派给您",
        "not_author" => "只有本人可以修改",
        "may_not_create" => "该角色不能新建此类记录",
        "finished" => "早已办结",
        other => other,
    }
}

/// Says why a sync stopped.
pub(crate) fn sync_words(error: &SyncError) -> String {
    let zh = match error {
        SyncError::Field(e) => return field_words(e),
        SyncError::NoNetwork { .. } => "没有网络，内容都在本机",
        SyncError::NotHeadquarters => {
            "应答的不是我们的指挥中心（网络可能需要登录，或有人冒充），什么都没有发出"
        }
        SyncError::Busy => "正在同步",
        SyncError::SignerUnavailable => "设备密钥暂不可用",
        SyncError::KeyLost | SyncError::KeyReplaced => "设备密钥已丢失或已更换，请重新登记",
        SyncError::BadInvitation => "这不是邀请码",
        SyncError::AlreadyEnrolled => "本机已经登记过",
        SyncError::NotConfirmed => "等待指挥中心确认：请与管理员核对指纹",
        SyncError::Revoked { deposit_until: Some(_) } => "本机已被停用，没有上传的还可以补交",
        SyncError::Revoked { deposit_until: None } => "本机已被停用，内容保留在本机",
        SyncError::ChainGap { .. } => "指挥中心缺少更早的记录",
        SyncError::Fork { .. } => "本机数据被复制过，请重新登记",
        SyncError::VersionTooOld => "版本太旧，请升级",
        SyncError::Overloaded { .. } => "指挥中心繁忙，请稍后再试",
        SyncError::Refused { .. } => "被指挥中心拒绝",
        SyncError::Protocol { .. } => "收到无法识别的回答",
    };
    format!("{zh} / {error}")
}

/// Says whether standard output may be coloured.
fn coloured() -> bool {
    static COLOURED: OnceLock<bool> = OnceLock::new();
    *COLOURED.get_or_init(|| std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
}

fn paint(code: &str, text: impl fmt::Display) -> String {
    if coloured() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// Makes a heading.
pub(crate) fn bold(text: impl fmt::Display) -> String {
    paint("1", text)
}

/// Makes a side remark.
pub(crate) fn dim(text: impl fmt::Display) -> String {
    paint("2", text)
}

/// Marks what is well.
pub(crate) fn good(text: impl fmt::Display) -> String {
    paint("32", text)
}

/// Marks what is wrong.
pub(crate) fn bad(text: impl fmt::Display) -> String {
    paint("31", text)
}

/// Marks what wants attention.
pub(crate) fn warm(text: impl fmt::Display) -> String {
    paint("33", text)
}

/// Formats a time in China's zone, or a dash.
pub(crate) fn when(ms: Option<i64>) -> String {
    ms.map_or_else(|| "—".into(), |ms| TimeMs(ms).china())
}

/// Shortens an id to its last six digits: the first ones are the time and alike after an import.
pub(crate) fn short(id: &DocId) -> String {
    let hex = to_hex(&id.uuid);
    let skip = hex.len().saturating_sub(6);
    hex.chars().skip(skip).collect()
}

/// Cuts a text for a line, by characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Pads a text to a width in columns; a Chinese character takes two.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let taken: usize = text.chars().map(|c| if c.is_ascii() || "·—…".contains(c) { 1 } else { 2 }).sum();
    format!("{text}{}", " ".repeat(width.saturating_sub(taken)))
}

/// Formats bytes.
pub(crate) fn kb(bytes: u64) -> String {
    format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100)
}
