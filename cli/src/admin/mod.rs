//! `lanewalk admin`: what staff at headquarters do by hand, until the console can.
//!
//! Invariant: while a server runs, every act goes through its one writer thread; otherwise the
//! database is opened under the same lock. Rejected: an HTTP route for administration, which would
//! need a login of its own; a Unix socket with mode 0600 has the system's.

mod acts;
mod exchange;
mod socket;
mod tls;

pub(crate) use acts::orders;
pub(crate) use exchange::write as write_whole;
pub(crate) use socket::{Control, listen};

use crate::{
    serve,
    words::{Failure, bold, dim, say, warm},
};
use clap::{Args, Subcommand};
use lanewalk_headquarters::{SystemSource, backup};
use qrcode::{QrCode, render::unicode};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Arguments of `lanewalk admin`.
#[derive(Args)]
pub(crate) struct AdminArgs {
    /// 指挥中心的数据目录 / headquarters' data directory
    #[arg(long, default_value = "hq-data")]
    pub(crate) data: PathBuf,
    #[command(subcommand)]
    pub(crate) act: Act,
}

/// One administrative act; also what travels over the socket.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum Act {
    /// 人员和网格权限 / staff and their grids
    Staff {
        #[command(subcommand)]
        act: StaffAct,
    },
    /// 给某人的一台手机发邀请码（十分钟内一次有效） / a one-time invitation for a phone
    Invite {
        /// Staff id.
        worker: String,
    },
    /// 按映射文件导入工单 CSV / imports orders from a CSV file
    Import {
        /// The CSV file.
        file: PathBuf,
        /// The mapping file.
        #[arg(long)]
        mapping: PathBuf,
        /// 时间整体后移，最新一件为一小时前 / moves all times so that the newest order is one hour old
        #[arg(long)]
        as_of_now: bool,
        /// 接单的热线专员 / who accepts the orders
        #[arg(long, default_value = "hc-01")]
        by: String,
    },
    /// 发布参考资料：grids、matter_catalog、calendar / publishes reference data
    Publish {
        /// `grids`, `matter_catalog` or `calendar`.
        name: String,
        /// The file.
        file: PathBuf,
        /// Its version.
        #[arg(long)]
        version: String,
    },
    /// 待研判的工单 / lists orders without a clear owner
    Triage,
    /// 研判派件 / sends such an order to a section and a grid
    Dispatch {
        /// Order id or its last digits.
        order: String,
        /// Lead section, such as `sec-chengguan`.
        lead: String,
        /// Grid cell.
        grid: String,
        /// Why this section.
        reason: String,
        /// Who decides: a deputy leader.
        #[arg(long, default_value = "dl-01")]
        by: String,
    },
    /// 等待审批的申请 / lists proposals that wait for a person
    Waiting,
    /// 审批 / decides one
    Decide {
        /// Proposal id or its last digits.
        proposal: String,
        /// `accept` or `refuse`.
        #[arg(value_parser = ["accept", "refuse"])]
        verdict: String,
        /// 说明 / words for the worker
        #[arg(long, default_value = "")]
        words: String,
        /// Who decides.
        #[arg(long, default_value = "hc-01")]
        by: String,
    },
    /// 请手机上传一张照片的原图 / asks the phone for a photo's original
    WantOriginal {
        /// Photo id or its last digits, as the console shows it.
        photo: String,
        /// 谁要的 / who asks
        #[arg(long, default_value = "hc-01")]
        by: String,
    },
    /// 给一个 Open311 客户端发密钥（只显示一次） / makes a key for an Open311 client, shown once
    Open311Key {
        /// 给谁用 / whom it is for
        name: String,
        /// 收回 / revokes it instead
        #[arg(long)]
        revoke: bool,
    },
    /// 与没有网络的邻接系统交换签名文件 / signed files for a neighbour without a network
    Exchange {
        #[command(subcommand)]
        act: ExchangeAct,
    },
    /// 备份数据库和照片，核对后手机才可释放 / a verified copy of database and photos; phones may then give up what it holds
    Backup {
        /// The copy; photos go to FILE.photos beside it.
        file: PathBuf,
    },
    /// 由备份恢复到空的数据目录；服务须已停止 / becomes what a backup holds, in an empty data directory, while no server runs
    Restore {
        /// The copy that `backup` made; its photos lie in FILE.photos.
        file: PathBuf,
    },
    /// What `lanewalk export-evidence` asks.
    #[command(hide = true)]
    ExportEvidence(crate::evidence::Wish),
    /// 开设控制台账号，或给新的密码设置码 / makes a console account, or a new code to set its password
    Account {
        /// Staff id.
        staff: String,
        /// 管理人员、权限和设备 / manages staff, rights and devices
        #[arg(long)]
        admin: bool,
        /// 只解除丢失的动态码 / only unbinds an authenticator app that was lost
        #[arg(long, conflicts_with = "admin")]
        drop_app: bool,
    },
    /// 从头核对查阅记录有没有被改动 / checks the whole access log for changes
    CheckLog,
    /// 地图底图：内网瓦片服务的地址，含 {z} {x} {y}；不给地址则不用底图 / the tiles under the map: an address with {z}, {x} and {y}, or none
    MapTiles {
        /// Such as `https://tiles.inner/{z}/{x}/{y}.png`.
        #[arg(default_value = "")]
        address: String,
    },
    /// 已登记的手机 / lists enrolled phones
    Devices,
    /// 确认一部刚登记的手机：输入手机上显示的指纹 / confirms a new phone by the fingerprint it shows
    Confirm {
        /// Four groups of four digits, with or without spaces.
        #[arg(required = true)]
        fingerprint: Vec<String>,
    },
    /// 自带的 TLS：私有根证书和服务器密钥 / headquarters' own TLS: a private CA and the server's keys
    Tls {
        #[command(subcommand)]
        act: TlsAct,
    },
    /// 停用一台手机 / revokes a phone
    Revoke {
        /// Device id or its last digits.
        device: String,
    },
}

/// What is done about staff.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum StaffAct {
    /// 列出 / lists
    List,
    /// 添加 / adds
    Add {
        /// Staff id, ASCII.
        id: String,
        /// Name.
        name: String,
        /// `grid_worker`, `property_staff`, `hotline_clerk`, …
        role: String,
        /// Grid cells.
        #[arg(required = true)]
        grids: Vec<String>,
    },
    /// 收回某人在某网格的权限 / ends somebody's rights in a grid
    End {
        /// Staff id.
        worker: String,
        /// Grid cell.
        grid: String,
    },
}

/// What is done about TLS. All but `show` need headquarters to be stopped.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum TlsAct {
    /// 建立：下次启动起用 https / makes CA, keys and certificate; used from the next start on
    Init {
        /// 主机名或地址，可多次给出 / host name or address, may be repeated
        #[arg(long = "name", required = true)]
        names: Vec<String>,
    },
    /// 查看 / shows it
    Show,
    /// 换证书，密钥不变，手机无感（到期前启动时自动进行） / another certificate for the same key
    Renew {
        /// 换成这些名字 / for these names instead
        #[arg(long = "name")]
        names: Vec<String>,
    },
    /// 换密钥：启用下一把，再备一把 / takes the next key into use
    Rotate {
        /// 有手机还不认识新密钥也换：它们将连不上 / although some phones do not know the next key yet
        #[arg(long)]
        leave_behind: bool,
    },
}

/// What is done about neighbours' files.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum ExchangeAct {
    /// 本系统的公钥，交给对方登记 / our key, for the neighbour to register
    Key,
    /// 登记对方的公钥 / registers a neighbour's key
    Trust {
        /// Name.
        name: String,
        /// `ed25519:` and 64 hexadecimal digits.
        key: String,
        /// 告知全部上级工单，不只是对方的 / tells it of every upstream order, not only of its own
        #[arg(long)]
        all: bool,
    },
    /// 导出上次以来的变化 / writes what changed since the last file
    Export {
        /// Name.
        name: String,
        /// The file.
        file: PathBuf,
        /// 再给一次这个编号的文件 / gives the file of this number again
        #[arg(long)]
        again: Option<u64>,
        /// Who does it.
        #[arg(long, default_value = "hc-01")]
        by: String,
    },
    /// 导入对方的工单文件 / takes in a neighbour's file of orders
    Import {
        /// The file.
        file: PathBuf,
        /// 前面缺文件也导入 / although files before it are missing
        #[arg(long)]
        allow_gap: bool,
        /// Who does it.
        #[arg(long, default_value = "hc-01")]
        by: String,
    },
}

/// What an act answers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Words for people.
    text: String,
    /// The text of a QR code to show.
    qr: Option<String>,
}

/// Runs one act, through the running server or alone.
pub(crate) fn run(args: &AdminArgs) -> Result<(), Failure> {
    if let Act::Tls { act } = &args.act {
        return tls::run(&args.data, act);
    }
    let act = absolute(&args.act)?;
    if let Act::Restore { file } = &act {
        return restore(&args.data, file);
    }
    let answer = match socket::ask(&args.data, &act)? {
        Some(answer) => answer,
        None => {
            if !args.data.join(serve::DATABASE).exists() {
                let data = args.data.display();
                return Err(Failure::usage(format!(
                    "{data} 里没有指挥中心，请先运行 / no headquarters in {data}, first run: lanewalk serve --data {data}"
                )));
            }
            let mut opened = serve::open_offline(&args.data)?;
            let answer = acts::perform(&mut opened.hq, &act)?;
            say!("{}", dim("服务未运行，直接写入数据库 / no server is running: done in the database itself"));
            answer
        }
    };
    if let Some(text) = &answer.qr {
        say!("{}", qr(text)?);
        say!("{}", bold(text));
    }
    if !answer.text.is_empty() {
        say!("{}", answer.text.trim_end());
    }
    Ok(())
}

/// Becomes what a backup holds.
fn restore(data: &Path, file: &Path) -> Result<(), Failure> {
    let _lock = serve::lock(data)?;
    let done = backup::restore(file, &data.join(serve::DATABASE), &SystemSource)?;
    say!(
        "已恢复并逐条核对：日志 {} 条，照片文件 {} 个 / restored, every line checked: {} lines of the log, {} photo files",
        done.log.size,
        done.files,
        done.log.size,
        done.files
    );
    if done.files_missing > 0 {
        say!(
            "{}",
            warm(format!(
                "备份里缺 {} 个照片文件 / the backup lacks {} photo files",
                done.files_missing, done.files_missing
            ))
        );
    }
    say!(
        "手机下次同步时会补回备份之后的内容 / with their next sync, phones bring what came after the backup"
    );
    Ok(())
}

/// The server may run in another directory, so files are named absolutely.
fn absolute(act: &Act) -> Result<Act, Failure> {
    let text = serde_json::to_string(act).map_err(|e| Failure::new(e.to_string()))?;
    let mut act: Act = serde_json::from_str(&text).map_err(|e| Failure::new(e.to_string()))?;
    let files: &mut [&mut PathBuf] = match &mut act {
        Act::Import { file, mapping, .. } => &mut [file, mapping],
        Act::Publish { file, .. }
        | Act::Restore { file }
        | Act::Exchange { act: ExchangeAct::Import { file, .. } } => &mut [file],
        Act::Exchange { act: ExchangeAct::Export { file, .. } } => {
            // It is not there yet.
            *file = std::path::absolute(&*file)?;
            &mut []
        }
        Act::ExportEvidence(wish) => {
            wish.file = std::path::absolute(&wish.file)?;
            return Ok(act);
        }
        _ => &mut [],
    };
    for path in files {
        let found = path.canonicalize().map_err(|e| Failure::from(e).about(path.display()))?;
        **path = found;
    }
    Ok(act)
}

/// Draws a QR code with half blocks, two modules to a character, dark on light.
fn qr(text: &str) -> Result<String, Failure> {
    let code = QrCode::with_error_correction_level(text, qrcode::EcLevel::L)
        .map_err(|e| Failure::new(format!("QR: {e}")))?;
    let colours = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
    Ok(code.render().dark_color(colours.0).light_color(colours.1).quiet_zone(true).build())
}
