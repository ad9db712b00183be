//! `lanewalk`: headquarters, one phone, or a whole town from one program.
//!
//! Invariant: nothing here decides; every rule is called in the crates below, and what is printed is
//! what they answered. Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 no network.
//! Rejected: one program each for headquarters and phone, three things to install for a first try.

#![allow(clippy::print_stderr, reason = "telling people why it ends is this program's job")]

mod admin;
mod demo;
mod evidence;
mod phone;
mod seed;
mod serve;
mod words;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Headquarters lives long and makes many short strings: with glibc's allocator an import of 35,000
/// orders takes 1.45 times the processor time, 0.93 times the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "lanewalk",
    version,
    about = "走街串巷：热线工单、网格走访、物业现场 / hotline work orders, door to door, online or not",
    after_help = "不写子命令就运行演示 / without a subcommand: the demonstration.\n退出码 / exit codes: 0 完成 done · 1 被拒绝或失败 refused or failed · 2 用法错误 wrong use · 3 没有网络 no network"
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// 演示：一个街道，八部手机，断网、走访、坏网络、收敛 / a whole town in half a minute
    Demo(demo::DemoArgs),
    /// 运行指挥中心 / runs headquarters
    Serve(serve::ServeArgs),
    /// 管理：人员、邀请、导入、研判、审批 / what headquarters' staff do
    Admin(admin::AdminArgs),
    /// 导出一件工单的证据包 / writes the evidence bundle of an order
    ExportEvidence(evidence::ExportArgs),
    /// 离线核验证据包，逐句说明 / checks an evidence bundle offline and says what it shows
    Verify(evidence::VerifyArgs),
    /// 一部手机（一个数据目录就是一部） / one phone; one data directory each
    Phone(phone::PhoneArgs),
    /// Judges changes for headquarters, on standard input and output.
    #[command(hide = true)]
    GateWorker,
    /// Draws one received picture anew for headquarters, on standard input and output.
    #[command(hide = true)]
    PhotoWorker,
    /// A phone of the demonstration, on standard input and output.
    #[command(hide = true)]
    DemoPhone {
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        photos: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        None => demo::run(&demo::DemoArgs::default()),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Serve(args)) => serve::run(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Admin(args)) => admin::run(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::ExportEvidence(args)) => evidence::export(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Verify(args)) => evidence::verify(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Phone(args)) => phone::run(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::GateWorker) => return lanewalk_headquarters::gate::worker_main(),
        Some(Command::PhotoWorker) => return lanewalk_headquarters::photos::redraw::worker_main(),
        Some(Command::DemoPhone { data, photos }) => {
            demo::child_main(&data, photos.as_deref()).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::from(failure.code)
    })
}
