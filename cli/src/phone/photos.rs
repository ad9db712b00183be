//! Photos from a terminal: taking a file in, looking at what is known, sending.
//!
//! Invariant: every photo of a visit is listed with each file's whereabouts and everything that
//! speaks against it. Rejected: showing only what arrived.

use super::{Phone, ids, verbs::transport};
use crate::words::{Failure, bold, dim, field_words, good, kb, say, warm, when};
use clap::{Subcommand, ValueEnum};
use lanewalk_field::{FieldError, ListQuery, PartState, PhotoView, Shot, UploadPolicy};
use lanewalk_model::{
    id::{DocId, EventId},
    photo::{Likeness, PhotoPart, PhotoRole},
    position::Position,
    schema::DocKind,
};
use std::path::{Path, PathBuf};

/// What can be done with photos.
#[derive(Subcommand)]
pub(crate) enum PhotoVerb {
    /// 收入一张照片 / takes a file in, at a visit or at the latest visit to an order
    Add {
        /// 走访或工单 / visit or order
        id: String,
        file: PathBuf,
        /// before, during, after, document
        #[arg(long, default_value = "before")]
        role: String,
        #[arg(long, default_value = "")]
        caption: String,
        /// LAT,LON
        #[arg(long, value_parser = super::acts::position, allow_hyphen_values = true)]
        at: Option<Position>,
        /// 按应用内拍摄处理 / as if the app's camera had written it
        #[arg(long)]
        camera: bool,
    },
    /// 收入相机已写好、还没收入的照片 / takes in what the camera had written when the app died
    Claim,
    /// 照片列表 / lists the photos of a visit or an order
    List { id: String },
    /// 导出存证件或缩略图 / writes the stamped copy (or the thumbnail) to a file
    Save {
        /// 照片编号 / photo id, as listed
        photo: String,
        file: PathBuf,
        #[arg(long)]
        thumbnail: bool,
    },
    /// 发送照片文件 / sends photo files to headquarters
    Send {
        /// 网络 / what the network costs
        #[arg(long, value_enum, default_value_t = Network::Free)]
        network: Network,
    },
    /// 存储空间 / room taken, and what could be freed
    Room {
        /// 释放这么多字节 / frees so many bytes of what headquarters has in a verified backup
        #[arg(long)]
        free: Option<u64>,
    },
}

/// What may travel.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Network {
    /// 无线网络：全部 / Wi-Fi: everything
    Free,
    /// 按量计费：原图只发被要求的 / metered: originals only on request
    Metered,
    /// 流量将尽：只发缩略图 / nearly used up: thumbnails
    Saving,
}

/// Runs a verb.
pub(super) fn run(phone: &Phone, verb: &PhotoVerb) -> Result<(), Failure> {
    match verb {
        PhotoVerb::Add { id, file, role, caption, at, camera } => {
            let role = PhotoRole::from_id(role)
                .ok_or_else(|| Failure::usage(format!("没有这种用途 / no such role: {role}")))?;
            let shot = Shot { position: *at, caption: caption.clone(), ..Shot::default() };
            add(phone, ids::find(phone, id)?, file, role, &shot, *camera)
        }
        PhotoVerb::Claim => claim(phone),
        PhotoVerb::List { id } => list(phone, ids::find(phone, id)?),
        PhotoVerb::Save { photo, file, thumbnail } => {
            let id = find(phone, photo)?;
            let part = if *thumbnail { PhotoPart::Thumbnail } else { PhotoPart::Evidence };
            std::fs::write(file, phone.field.photo_bytes(id, part)?)?;
            say!("{} {}", good("已写出 / written:"), file.display());
            Ok(())
        }
        PhotoVerb::Send { network } => send(phone, *network),
        PhotoVerb::Room { free } => room(phone, *free),
    }
}

fn add(
    phone: &Phone,
    id: DocId,
    file: &Path,
    role: PhotoRole,
    shot: &Shot,
    camera: bool,
) -> Result<(), Failure> {
    let visit = match id.kind {
        DocKind::Visit => id,
        _ => visits(phone, id)?.pop().ok_or_else(|| {
            Failure::new("这件工单还没有走访，请先 visit / no visit to this order yet, first: visit")
        })?,
    };
    let photo = if camera {
        let ticket = phone.field.begin_photo(visit, role)?;
        std::fs::copy(file, &ticket.path)?;
        phone.field.finish_photo(ticket.id, shot).inspect_err(|_| {
            // The file is the user's own; the copy beside it is not needed.
            let _ = phone.field.drop_ticket(ticket.id);
        })?
    } else {
        phone.field.import_photo(visit, role, file, shot)?
    };
    say!("{} {photo}", good("已保存照片 / photo saved:"));
    Ok(())
}

/// Finishes the tickets whose camera came back and drops the others, and those whose file is no
/// photo.
fn claim(phone: &Phone) -> Result<(), Failure> {
    for ticket in phone.field.open_tickets()? {
        match phone.field.finish_photo(ticket.id, &Shot::default()) {
            Ok(photo) => say!("{} {photo}", good("已保存照片 / photo saved:")),
            Err(error @ FieldError::Photo { .. }) => {
                phone.field.drop_ticket(ticket.id)?;
                say!("{}", warm(format!("未能收入 / not taken in: {}", field_words(&error))));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Lists this phone's visits to an order, oldest first (ids grow with time).
fn visits(phone: &Phone, order: DocId) -> Result<Vec<DocId>, Failure> {
    let query = ListQuery {
        kind: Some(DocKind::Visit),
        parent: Some(order.to_string()),
        limit: 1_000,
        ..ListQuery::default()
    };
    let mut out: Vec<DocId> = phone.field.list(&query)?.into_iter().map(|item| item.id).collect();
    out.sort();
    Ok(out)
}

fn of(phone: &Phone, id: DocId) -> Result<Vec<PhotoView>, Failure> {
    let visits = if id.kind == DocKind::Visit { vec![id] } else { visits(phone, id)? };
    let mut out = Vec::new();
    for visit in visits {
        out.extend(phone.field.photos(visit)?);
    }
    Ok(out)
}

fn find(phone: &Phone, wanted: &str) -> Result<EventId, Failure> {
    let mut hits = Vec::new();
    for item in ids::all(phone, Some(DocKind::Visit))? {
        let photos = phone.field.photos(item.id)?;
        hits.extend(photos.into_iter().map(|p| p.id).filter(|id| id.to_string().contains(wanted)));
    }
    match hits.as_slice() {
        [id] => Ok(*id),
        [] => Err(Failure::new(format!("没有找到 / not found: {wanted}"))),
        _ => Err(Failure::new(format!("不止一张，请多写几位 / several match, write more: {wanted}"))),
    }
}

fn list(phone: &Phone, id: DocId) -> Result<(), Failure> {
    let all = of(phone, id)?;
    if all.is_empty() {
        say!("没有照片 / no photo");
    }
    for photo in all {
        let r = &photo.record;
        let size = r.size.map_or_else(String::new, |(w, h)| format!("  {w}×{h}"));
        let how = if r.in_app { "应用内拍摄 / in app" } else { "相册导入 / imported" };
        say!(
            "{}  {} {}{size}  {how}  {}",
            bold(photo.id),
            when(Some(r.taken_at.0)),
            r.role.zh(),
            photo.caption
        );
        for (part, file, state) in &photo.parts {
            say!("  {} {}  {}", part.zh(), kb(file.bytes), state_words(*state));
        }
        for doubt in &photo.doubts {
            say!("  {}", warm(format!("存疑 / doubt: {} / {}", doubt.zh(), doubt.en())));
        }
        for other in &photo.alike {
            let words = match (other.identical, other.likeness) {
                (true, _) => "同一文件已用过 / the same file was used before",
                (_, Likeness::Same) => "画面几乎相同 / looks the same",
                _ => "画面相近，请核对 / looks alike, compare them",
            };
            say!("  {}", warm(format!("{words}: {}", other.photo)));
        }
    }
    Ok(())
}

fn state_words(state: PartState) -> String {
    match state {
        PartState::Waiting { sent: 0 } => warm("待发 / waiting"),
        PartState::Waiting { sent } => warm(format!("已发 {} / so far {}", kb(sent), kb(sent))),
        PartState::Sent => good("指挥中心已收到 / at headquarters"),
        PartState::GivenUp => dim("已从本机释放 / given up here, at headquarters"),
        PartState::RecordRefused => warm("记录被拒收，文件留在本机 / record refused, the file stays here"),
        PartState::Lost(trouble) => warm(format!("{} / {}", trouble.zh(), trouble.code())),
        PartState::Elsewhere => dim("在别的手机上 / on another phone"),
    }
}

fn send(phone: &Phone, network: Network) -> Result<(), Failure> {
    let policy = match network {
        Network::Free => UploadPolicy::UNMETERED,
        Network::Metered => UploadPolicy::METERED,
        Network::Saving => UploadPolicy::SAVING,
    };
    let transport = transport(phone)?;
    let r = phone.field.upload(&*transport, policy)?;
    say!(
        "{} {} 个文件，{}；暂不发 {} / {} files, {}; held back {}",
        good("已送达 / delivered:"),
        r.files,
        kb(r.file_bytes),
        r.held_back,
        r.files,
        kb(r.file_bytes),
        r.held_back
    );
    if r.refused > 0 {
        say!("{}", warm(format!("{} 个文件指挥中心暂不接收 / not taken by headquarters", r.refused)));
    }
    if r.lost > 0 {
        say!("{}", warm(format!("{} 个文件已丢失，已告知 / lost here, headquarters will be told", r.lost)));
    }
    say!(
        "{}",
        dim(format!(
            "往返 {} 次，上行 {} 字节 / round trips, bytes up {}",
            r.requests, r.bytes_up, r.bytes_up
        ))
    );
    Ok(())
}

fn room(phone: &Phone, free: Option<u64>) -> Result<(), Failure> {
    if let Some(bytes) = free {
        let freed = phone.field.free_photos(bytes)?;
        say!("{} {} 个文件，{}", good("已释放 / freed:"), freed.files, kb(freed.bytes));
    }
    let r = phone.field.storage()?;
    let [originals, evidence, thumbnails] = r.freeable;
    say!("照片 / photos {}  未送达 / unsent {}（{} 个 / files）", kb(r.held), kb(r.unsent), r.unsent_files);
    say!(
        "可释放 / could be freed: 原图 / originals {}，存证件 / evidence {}，缩略图 / thumbnails {}",
        kb(originals),
        kb(evidence),
        kb(thumbnails)
    );
    say!("磁盘剩余 / free on the disk {}", kb(r.free));
    Ok(())
}
