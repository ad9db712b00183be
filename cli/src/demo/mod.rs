//! `lanewalk demo`: a morning in a subdistrict, in half a minute, with everything real.
//!
//! Invariant: only the town is made up. Headquarters is the server, the gate's workers are processes,
//! each phone is a process with an encrypted database, and what lies between is TCP; the check at
//! the end reads their files. Rejected: a scripted picture of a sync.

mod checks;
mod child;
mod dice;
mod phones;
mod proxy;
mod report;
mod stages;
mod town;
mod walk;

pub(crate) use child::main as child_main;

use crate::words::{Failure, bold, dim, say};
use clap::Args;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Arguments of `lanewalk demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// 手机数量 / how many phones
    #[arg(long, default_value_t = 8)]
    phones: usize,
    /// 自己的工单 CSV / orders of your own
    #[arg(long, requires = "mapping")]
    orders: Option<PathBuf>,
    /// 及其映射文件 / and their mapping file
    #[arg(long, requires = "orders")]
    mapping: Option<PathBuf>,
    /// 随机种子 / seed of the walk and of the network's faults
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// 自己的照片目录，偶尔用其中一张 / photos of your own, used now and then
    #[arg(long)]
    photos: Option<PathBuf>,
    /// 保留数据的目录 / keeps all data in a directory
    #[arg(long)]
    keep: Option<PathBuf>,
    /// 结束后保持运行，直到 Ctrl-C / stays up afterwards
    #[arg(long)]
    stay: bool,
    /// 少走几家 / fewer phones and doors
    #[arg(long)]
    quick: bool,
    /// Takes one saved entry out of headquarters' log before the check, to see the check fail.
    #[arg(long, hide = true)]
    lose_one: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            phones: 8,
            orders: None,
            mapping: None,
            seed: 2026,
            photos: None,
            keep: None,
            stay: false,
            quick: false,
            lose_one: false,
        }
    }
}

/// Says what is going on, with the time since the start.
struct Progress(Instant);

impl Progress {
    fn say(&self, zh: impl std::fmt::Display, en: impl std::fmt::Display) {
        self.tell(format!("{zh} / {en}"));
    }

    /// The same for words that are in both languages already.
    fn tell(&self, words: impl std::fmt::Display) {
        let seconds = self.0.elapsed().as_secs_f32();
        say!("{} {words}", dim(format!("[{seconds:5.1} s]")));
    }
}

/// Runs the demonstration; exit code 1 when anything was lost.
pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    // Dropped last: with it goes the directory.
    let temporary = tempfile::Builder::new().prefix("lanewalk-").tempdir()?;
    let root = match &args.keep {
        Some(dir) if dir.join("hq").exists() => {
            let dir = dir.display();
            return Err(Failure::usage(format!(
                "{dir} 里已有一次演示，请换一个目录 / holds a demonstration already, name another"
            )));
        }
        Some(dir) => dir.as_path(),
        None => temporary.path(),
    };
    say!("{}  {}", bold("走街串巷 演示"), dim(format!("Lanewalk demonstration, seed {}", args.seed)));
    let progress = Progress(Instant::now());
    let mut stage = stages::Stage::open(args, root, &progress)?;
    stage.first_morning(&progress)?;
    for half_day in 0..if args.quick { 1 } else { 2 } {
        stage.cut_off(half_day, &progress)?;
        stage.bad_network(half_day, &progress)?;
        stage.calm(&progress)?;
    }
    let stands = stage.evening()?;
    if args.lose_one {
        stage.lose_one()?;
    }
    let (checks, receipts) = checks::run(&stage.town, &stage.phones, &stands)?;
    report::print(&stage.town, &stage.imports, &stage.phones, &stands, &receipts, &stage.names)?;
    let well = report::verdict(&checks);
    last_words(args, &stage, root)?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn last_words(args: &DemoArgs, stage: &stages::Stage, root: &Path) -> Result<(), Failure> {
    say!("\n{}", bold("自己动手 / try it by hand"));
    say!("  lanewalk serve --data hq --demo-data");
    say!("  lanewalk admin --data hq invite gw-03");
    say!("  lanewalk phone --data phone-a enrol 'lanewalk1:…'");
    say!("  lanewalk admin --data hq confirm {}", dim("手机上的指纹 / the fingerprint on the phone"));
    say!("  lanewalk phone --data phone-a sync  → list → visit 1 --notes … → sync");
    let shown = root.display();
    if args.keep.is_some() {
        say!("  {}", dim(format!("数据在 / data in {shown}: hq, phones/…")));
        say!("  lanewalk serve --data {shown}/hq --listen {}", stage.town.proxy.address());
        if let Some(phone) = stage.phones.first() {
            say!("  lanewalk phone --data {} list", phone.data.display());
        }
    }
    if args.stay {
        say!("{} http://{}/", bold("控制台 / console:"), stage.town.console);
        say!("{}", crate::seed::accounts_words(&stage.town.at_hq(crate::seed::accounts)?));
        say!("  lanewalk admin --data {} waiting", stage.town.data.display());
        say!("{}", dim("Ctrl-C 结束 / Ctrl-C ends"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tokio::signal::ctrl_c())?;
    } else {
        say!(
            "  {}",
            dim(
                "demo --stay：结束后控制台保持打开 / keeps the console up; --keep DIR 保留数据 / keeps the data"
            )
        );
    }
    Ok(())
}
