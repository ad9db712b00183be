//! The intake of a photo in a process of its own, beside libvips doing the same copies.

use lanewalk_camera::Shot;
use lanewalk_media::{
    Limits, intake,
    pixels::Rgb,
    stamp::{FontFile, Stamper},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Repeats of each measurement; the least counts, since the machine does other things too.
const REPEATS: &str = "9";

/// Measures files in this process: name, pixels, bytes of the copies, least and median wall and CPU
/// time in ms, peak memory above the start in MB.
pub(crate) fn child(arguments: &[String]) {
    let repeats = arguments[0].parse().unwrap();
    for name in &arguments[1..] {
        measure(name, repeats).unwrap();
    }
}

/// Makes a 12 and a 48 megapixel photo and measures both, by Lanewalk and by every libvips that can
/// be had: Debian's and the one of the Python package. Installs them when it may.
pub(crate) fn table() {
    let dir = tempfile::tempdir().unwrap();
    let photos: Vec<PathBuf> = [(4_000, 3_000), (8_000, 6_000)]
        .into_iter()
        .map(|(width, height)| {
            let path = dir.path().join(format!("{}mp.jpg", u32::from(width) * u32::from(height) / 1_000_000));
            std::fs::write(&path, Shot { seed: 1, width, height, ..Shot::default() }.jpeg()).unwrap();
            let bytes = path.metadata().unwrap().len();
            println!("{width}×{height} baseline JPEG, q92 4:2:0, {bytes} bytes: a drawn street with detail and sensor noise");
            path
        })
        .collect();
    let peers: Vec<(String, PathBuf)> = peers(dir.path());
    for photo in &photos {
        println!("\n{}", photo.file_name().unwrap().to_string_lossy());
        let mut ours = Command::new(std::env::current_exe().unwrap());
        let (cpu, line) = run(ours.args(["intake", REPEATS]).arg(photo));
        println!("  lanewalk             {line}");
        for (name, python) in &peers {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/vips.py");
            let (theirs, line) = run(Command::new(python).arg(script).arg(REPEATS).arg(photo));
            println!("  {name:20} {line}\n    CPU lanewalk ÷ {name}: {:.2}", cpu / theirs);
        }
    }
    stamp();
}

/// Runs a measurement; returns its least CPU time and its line without the name.
fn run(command: &mut Command) -> (f64, String) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let line = text.trim().split_once(' ').unwrap().1.to_owned();
    let cpu = line.split_once("cpu ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    (cpu, line)
}

/// Finds or makes Python environments with libvips. Without any the table has one column.
fn peers(dir: &Path) -> Vec<(String, PathBuf)> {
    let shell =
        |script: &str| Command::new("sh").args(["-c", script]).output().is_ok_and(|o| o.status.success());
    let at = |name: &str| dir.join(name).join("bin/python");
    let mut found = Vec::new();
    shell("ldconfig -p | grep -q libvips.so || (apt-get update -qq && apt-get install -y -qq libvips42)");
    for (name, package) in [("system", "pyvips"), ("wheel", "pyvips[binary]")] {
        let venv = dir.join(name).display().to_string();
        if shell(&format!("python3 -m venv '{venv}' && '{venv}/bin/pip' install -q '{package}'")) {
            let version = "import pyvips; print('libvips %d.%d.%d' % tuple(map(pyvips.version, range(3))))";
            if let Ok(out) = Command::new(at(name)).args(["-c", version]).output().map(|o| o.stdout) {
                let version = String::from_utf8_lossy(&out).trim().to_owned();
                if !version.is_empty() {
                    found.push((format!("{version} {name}"), at(name)));
                }
            }
        }
    }
    if found.is_empty() {
        println!("no libvips could be had here: python3 -m venv, pip and libvips42 are wanted");
    }
    found
}

/// Measures a stamp of four lines on an evidence copy.
fn stamp() {
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-core/media/fonts/NotoSansSC-GB2312.otf");
    let stamper = Stamper::open(&[FontFile { path: font, index: None }]).unwrap();
    let lines: Vec<String> = [
        "2026-06-22 10:05:00 拍摄 时间已校准",
        "潍州路街道金御皇庭小区三号楼二单元楼道电箱旁 网格370705005004001",
        "张晓(网格员) · 工单 20260622-017",
        "走街串巷 总部校时码 3F9A-12BC",
    ]
    .map(String::from)
    .into();
    let mut picture = Rgb { width: 2_048, height: 1_536, data: vec![120; 2_048 * 1_536 * 3] };
    let times: Vec<f64> = (0..9)
        .map(|_| {
            let clock = Instant::now();
            stamper.draw(&mut picture, &lines).unwrap();
            clock.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let (least, median) = least_and_median(times.clone());
    println!(
        "\nstamp of four lines at 2,048 px: first {:.1} ms, least {least:.1}, median {median:.1}",
        times[0]
    );
}

fn measure(name: &str, repeats: usize) -> Result<(), Box<dyn std::error::Error>> {
    let start = status("VmRSS:")?;
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..repeats.max(1) {
        let (clock, busy) = (Instant::now(), cpu_ms()?);
        last = Some(intake(Path::new(name), None, &Limits::default())?);
        cpu.push(cpu_ms()? - busy);
        wall.push(clock.elapsed().as_secs_f64() * 1e3);
    }
    let peak = status("VmHWM:")?.saturating_sub(start);
    let taken = last.ok_or("no run")?;
    if let Ok(folder) = std::env::var("INTAKE_OUT") {
        std::fs::write(Path::new(&folder).join("evidence.jpg"), &taken.evidence)?;
        std::fs::write(Path::new(&folder).join("thumbnail.jpg"), &taken.thumbnail)?;
    }
    let (wall, cpu) = (least_and_median(wall), least_and_median(cpu));
    println!(
        "{name} {}x{} evidence {} thumbnail {} wall {:.1} {:.1} cpu {:.1} {:.1} peak {:.1}",
        taken.width,
        taken.height,
        taken.evidence.len(),
        taken.thumbnail.len(),
        wall.0,
        wall.1,
        cpu.0,
        cpu.1,
        peak as f64 * 1.024e-3,
    );
    Ok(())
}

fn least_and_median(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(0), at(values.len() / 2))
}

/// Time this process' first thread was on a CPU, in ms; the intake starts no other.
fn cpu_ms() -> Result<f64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("schedstat")?.parse::<f64>()? / 1e6)
}

/// A value of /proc/self/status, in units of 1,024 bytes.
fn status(key: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).ok_or("status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
