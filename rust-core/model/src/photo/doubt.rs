//! What speaks against a photo.
//!
//! Invariant: a pure function of the record and what surrounds it; every finding carries the
//! measured size, so that a person can judge it. It blocks nothing (law 2). Rejected: one score,
//! which nobody can argue with.

use super::{ExifFacts, PhotoRecord};
use crate::{
    datum,
    position::{DEFAULT_USABLE_ACCURACY_M, Fix, Position, fix},
    time::TimeMs,
};

const CHINA_OFFSET_MIN: i32 = 8 * 60;
const MINUTE_MS: i64 = 60_000;

/// One thing that speaks against a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Camera clock and satellite clock of the same file differ; positive: the camera is ahead.
    CameraClock {
        /// Difference in seconds.
        ahead_s: i64,
        /// True when the camera wrote no offset and the zone was inferred from the place.
        zone_inferred: bool,
    },
    /// The file's own time differs from the phone's at the moment of capture.
    PhoneClock {
        /// Difference in seconds; positive: the file's time is ahead.
        ahead_s: i64,
    },
    /// Not taken in the app.
    Imported,
    /// Taken before the visit began, by the file's own time.
    BeforeVisit {
        /// How long before, in seconds.
        by_s: i64,
    },
    /// Taken far from the order's place.
    FarFromPlace {
        /// Distance in metres, the fixes' accuracies taken off.
        metres: u32,
    },
    /// The file's position and the phone's differ.
    ElsewhereInFile {
        /// Distance in metres, the fixes' accuracies taken off.
        metres: u32,
    },
    /// An app faked the phone's position.
    MockPosition,
    /// The file names an editing program.
    Edited,
}

impl Doubt {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::CameraClock { .. } => "camera_clock",
            Self::PhoneClock { .. } => "phone_clock",
            Self::Imported => "imported",
            Self::BeforeVisit { .. } => "before_visit",
            Self::FarFromPlace { .. } => "far_from_place",
            Self::ElsewhereInFile { .. } => "elsewhere_in_file",
            Self::MockPosition => "mock_position",
            Self::Edited => "edited",
        }
    }

    /// Returns the Chinese words.
    pub fn zh(self) -> String {
        match self {
            Self::CameraClock { ahead_s, zone_inferred } => {
                let zone = if zone_inferred { "(时区按地点推定)" } else { "" };
                format!("相机时钟比卫星时间{}{zone}", span_zh(ahead_s))
            }
            Self::PhoneClock { ahead_s } => format!("照片自带时间比手机时间{}", span_zh(ahead_s)),
            Self::Imported => "从相册导入".to_owned(),
            Self::BeforeVisit { by_s } => format!("拍摄于走访开始前{}", length_zh(by_s)),
            Self::FarFromPlace { metres } => format!("距工单地点约{}", metres_zh(metres)),
            Self::ElsewhereInFile { metres } => format!("照片自带位置与手机位置相距约{}", metres_zh(metres)),
            Self::MockPosition => "手机位置由模拟程序给出".to_owned(),
            Self::Edited => "文件经修图软件处理".to_owned(),
        }
    }

    /// Returns the English words.
    pub fn en(self) -> String {
        match self {
            Self::CameraClock { ahead_s, zone_inferred } => {
                let zone = if zone_inferred { " (zone inferred from the place)" } else { "" };
                format!("camera clock {} the satellite time{zone}", span_en(ahead_s))
            }
            Self::PhoneClock { ahead_s } => format!("the file's time is {} the phone's", span_en(ahead_s)),
            Self::Imported => "imported from the gallery".to_owned(),
            Self::BeforeVisit { by_s } => format!("taken {} before the visit began", length_en(by_s)),
            Self::FarFromPlace { metres } => format!("about {} from the order's place", metres_en(metres)),
            Self::ElsewhereInFile { metres } => {
                format!("the file's position is about {} from the phone's", metres_en(metres))
            }
            Self::MockPosition => "the phone's position was faked by an app".to_owned(),
            Self::Edited => "the file passed an editing program".to_owned(),
        }
    }
}

/// From when on a difference counts; configuration \[P\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoubtLimits {
    /// Clocks may differ by so much, in seconds.
    pub clock_s: i64,
    /// Clocks may differ by so much where the zone is only inferred, in seconds.
    pub inferred_zone_s: i64,
    /// A photo may be older than its visit by so much, in seconds.
    pub before_visit_s: i64,
    /// A photo may be taken so far from the order's place, in metres.
    pub far_m: u32,
}

impl Default for DoubtLimits {
    fn default() -> Self {
        Self { clock_s: 600, inferred_zone_s: 3 * 3_600, before_visit_s: 3_600, far_m: 300 }
    }
}

/// What is known around a photo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Begin of the visit by the phone's clock.
    pub visit_started: Option<TimeMs>,
    /// The order's place.
    pub place: Option<Position>,
}

/// Finds what speaks against a photo, in the order in which it should be read.
pub fn doubts(photo: &PhotoRecord, around: &Surroundings, limits: &DoubtLimits) -> Vec<Doubt> {
    let mut found = Vec::new();
    if !photo.in_app {
        found.push(Doubt::Imported);
    }
    if let Some(exif) = &photo.exif {
        found.extend(camera_clock(exif, limits));
        let own_time = own_time(exif);
        if photo.in_app {
            found.extend(phone_clock(own_time, photo.taken_at, limits));
        }
        if let (Some((own, _)), Some(started)) = (own_time, around.visit_started) {
            let by_s = started.0.saturating_sub(own) / 1_000;
            if by_s > limits.before_visit_s {
                found.push(Doubt::BeforeVisit { by_s });
            }
        }
        if is_editor(&exif.software) {
            found.push(Doubt::Edited);
        }
    }
    let in_file = photo.exif.as_ref().and_then(|e| e.position);
    // The phone's own fix counts before what the file says.
    let taken = photo.position.or(in_file);
    if let Some(metres) = apart(taken, around.place).filter(|m| *m > limits.far_m) {
        found.push(Doubt::FarFromPlace { metres });
    }
    if let Some(metres) = apart(photo.position, in_file).filter(|m| *m > limits.far_m) {
        found.push(Doubt::ElsewhereInFile { metres });
    }
    if photo.position.is_some_and(|p| p.mock()) {
        found.push(Doubt::MockPosition);
    }
    found
}

/// Returns the camera's offset in minutes and whether it is only inferred: Beijing time on the
/// mainland and where nothing is known, the nautical zone elsewhere.
fn offset(exif: &ExifFacts) -> (i64, bool) {
    if let Some(minutes) = exif.offset_min {
        return (i64::from(minutes), false);
    }
    let minutes = match exif.position {
        Some(p) if !datum::is_shifted((p.lon(), p.lat())) => (p.lon() / 15.0).round() as i32 * 60,
        _ => CHINA_OFFSET_MIN,
    };
    (i64::from(minutes), true)
}

fn camera_utc(exif: &ExifFacts) -> Option<(i64, bool)> {
    let (minutes, inferred) = offset(exif);
    Some((exif.local_ms?.saturating_sub(minutes * MINUTE_MS), inferred))
}

/// The file's best own time: the satellites', else the camera's.
fn own_time(exif: &ExifFacts) -> Option<(i64, bool)> {
    exif.gps_ms.map(|ms| (ms, false)).or_else(|| camera_utc(exif))
}

fn tolerance(inferred: bool, limits: &DoubtLimits) -> i64 {
    if inferred { limits.inferred_zone_s } else { limits.clock_s }
}

fn camera_clock(exif: &ExifFacts, limits: &DoubtLimits) -> Option<Doubt> {
    let (camera, zone_inferred) = camera_utc(exif)?;
    let ahead_s = camera.saturating_sub(exif.gps_ms?) / 1_000;
    (ahead_s.saturating_abs() > tolerance(zone_inferred, limits))
        .then_some(Doubt::CameraClock { ahead_s, zone_inferred })
}

fn phone_clock(own: Option<(i64, bool)>, taken_at: TimeMs, limits: &DoubtLimits) -> Option<Doubt> {
    let (own, inferred) = own?;
    let ahead_s = own.saturating_sub(taken_at.0) / 1_000;
    (ahead_s.saturating_abs() > tolerance(inferred, limits)).then_some(Doubt::PhoneClock { ahead_s })
}

/// Metres between two fixes with their accuracies taken off; `None` if one is no fix at all.
fn apart(a: Option<Position>, b: Option<Position>) -> Option<u32> {
    let known = |p| match fix(p, DEFAULT_USABLE_ACCURACY_M) {
        Fix::Usable(p) | Fix::Coarse(p) => Some(p),
        Fix::Absent => None,
    };
    let (a, b) = (known(a)?, known(b)?);
    let doubt = f64::from(a.accuracy_m().unwrap_or(0)) + f64::from(b.accuracy_m().unwrap_or(0));
    // A float cast saturates; distances on the globe fit.
    Some((a.distance_m(&b) - doubt).max(0.0) as u32)
}

/// Says whether the software named in a file edits pictures; cameras name their firmware here.
fn is_editor(software: &str) -> bool {
    const EDITORS: [&str; 11] = [
        "photoshop",
        "lightroom",
        "gimp",
        "snapseed",
        "meitu",
        "美图",
        "picsart",
        "醒图",
        "paint.net",
        "facetune",
        "pixelmator",
    ];
    let software = software.to_lowercase();
    EDITORS.iter().any(|name| software.contains(name))
}

fn span_zh(ahead_s: i64) -> String {
    let way = if ahead_s < 0 { "慢" } else { "快" };
    [way, &length_zh(ahead_s.saturating_abs())].concat()
}

fn span_en(ahead_s: i64) -> String {
    let way = if ahead_s < 0 { "behind" } else { "ahead of" };
    format!("{} {way}", length_en(ahead_s.saturating_abs()))
}

/// Days and hours, hours and minutes, or minutes.
fn parts(seconds: i64) -> (i64, i64, i64) {
    let minutes = seconds / 60;
    (minutes / 1_440, minutes / 60 % 24, minutes % 60)
}

fn length_zh(seconds: i64) -> String {
    match parts(seconds) {
        (0, 0, m) => format!("{m}分钟"),
        (0, h, m) => format!("{h}小时{m}分钟"),
        (d, h, _) => format!("{d}天{h}小时"),
    }
}

fn length_en(seconds: i64) -> String {
    match parts(seconds) {
        (0, 0, m) => format!("{m} min"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

fn metres_zh(metres: u32) -> String {
    if metres < 10_000 { format!("{metres}米") } else { format!("{}公里", metres / 1_000) }
}

fn metres_en(metres: u32) -> String {
    if metres < 10_000 { format!("{metres} m") } else { format!("{} km", metres / 1_000) }
}
