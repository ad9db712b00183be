//! Many phones at once on real sockets, each as small as can be: its key, its chain, its nonce.
//!
//! Invariant: every answer is believed only with headquarters' signature, every receipt is checked,
//! and whoever is told to wait comes again with the same bytes. Rejected: a thousand whole cores,
//! whose own work would be most of what is measured.

use crate::{
    dice::Dice,
    hostile::{AUTHORITY, Device, patch_headers, read_answer, read_upload},
    words,
};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId, Hash},
    photo::{FileRef, PhotoRecord, PhotoRole},
    records::to_json,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    entry::Entry,
    http::{Request, Response},
    keys::{Algorithm, SoftSigner},
    sync::SyncRequest,
    upload::{Creation, UPLOADS_PATH, patch_nonce},
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// What headquarters answered.
#[derive(Debug)]
pub enum Heard {
    /// The page was taken in; true when more waits.
    Page(bool),
    /// It is busy: come again after so many seconds.
    Wait(u64),
    /// No answer, or half of one.
    Broken,
}

/// A phone in the crowd.
#[derive(Debug)]
pub struct Caller {
    device: Device,
    from: Ipv4Addr,
    stream: Option<TcpStream>,
    /// Written and without a receipt.
    waiting: Vec<Entry>,
    /// Entries with a receipt: number and hash.
    pub acknowledged: Vec<(u64, Hash)>,
    dice: Dice,
    /// Percent of exchanges whose connection breaks.
    cuts: u64,
    /// Photos that were taken and have no receipt, by the number their bytes are made of.
    photos: Vec<u64>,
    /// Files with a receipt.
    pub delivered: Vec<FileRef>,
}

impl Caller {
    /// Enrols the phone of a number, with a worker and a grid of its own.
    pub fn enrol(hq: &mut Headquarters, n: u16) -> Self {
        let (worker, grid) = (worker(n), grid(n));
        hq.put_staff(&worker, "网格员", Role::GridWorker).unwrap();
        hq.grant(&worker, &Grant { grid, role: Role::GridWorker, from: TimeMs(0), to: None }).unwrap();
        let mut secret = [7; 32];
        secret[..2].copy_from_slice(&n.to_be_bytes());
        let signer = SoftSigner::new(Algorithm::Es256, &secret).unwrap();
        let mut device = Device::enrol_with(hq, &worker, signer);
        device.fresh_actor();
        let [high, low] = n.to_be_bytes();
        Self {
            device,
            from: Ipv4Addr::new(127, 1, high, low),
            stream: None,
            waiting: Vec::new(),
            acknowledged: Vec::new(),
            dice: Dice::new(u64::from(n), 24),
            cuts: 0,
            photos: Vec::new(),
            delivered: Vec::new(),
        }
    }

    /// Records a visit.
    pub fn write(&mut self, n: u16) {
        self.record(n, None);
    }

    /// Records a visit with a photo of so many bytes.
    pub fn photograph(&mut self, n: u16, bytes: u64) {
        let seed = u64::from(n) << 32 | self.device.chain.0;
        let record = PhotoRecord {
            original: file(&content(seed, bytes)),
            evidence: None,
            thumbnail: None,
            media: "image/jpeg".into(),
            size: Some((1_600, 1_200)),
            taken_at: TimeMs(1_778_000_000_000),
            role: PhotoRole::Before,
            in_app: true,
            position: None,
            phash: None,
            exif: None,
        };
        self.photos.push(seed);
        self.record(n, Some(record));
    }

    fn record(&mut self, n: u16, photo: Option<PhotoRecord>) {
        let id: DocId = self.device.new_id(DocKind::Visit);
        let mut visit = vec![
            Edit::set("kind", "patrol"),
            Edit::set("grid", grid(n)),
            Edit::set("by", worker(n)),
            Edit::set("started", 1_778_000_000_000_i64),
            Edit::set("notes", words::sentence(&mut self.dice)),
        ];
        visit.extend(photo.map(|p| Edit::set(format!("photo/{}", EventId(id.uuid)), to_json(&p))));
        let entry = self.device.act(id, &visit);
        self.waiting.push(entry);
    }

    /// Lets connections break from now on, somewhere in the request or before the answer.
    pub fn cut(&mut self, percent: u64, seed: u64) {
        (self.cuts, self.dice) = (percent, Dice::new(seed, 25));
    }

    /// Says how many entries have no receipt yet.
    pub fn unsent(&self) -> usize {
        self.waiting.len()
    }

    /// Sends everything that waits and asks for what is new. An old nonce costs a second request.
    pub async fn sync(&mut self, at: SocketAddr) -> Heard {
        let body: SyncRequest = self.device.body(&self.waiting);
        for _ in 0..2 {
            let request = self.device.request(&body);
            let Ok(response) = self.exchange(at, &request).await else {
                self.stream = None;
                return Heard::Broken;
            };
            let answer = read_answer(&self.device.hq_key, &request, &response);
            if !answer.next_nonce.is_empty() {
                self.device.nonce.clone_from(&answer.next_nonce);
            }
            match answer.status {
                200 => {
                    let page = answer.page();
                    assert!(page.refused.is_empty(), "{:?}", page.refused);
                    self.device.check_receipts(&page, &self.waiting);
                    let more = page.more;
                    self.device.take(page);
                    let sent = self.waiting.drain(..);
                    self.acknowledged.extend(sent.map(|e| (e.header.seq, e.header.hash())));
                    return Heard::Page(more);
                }
                401 if answer.code().1 == "nonce" => {}
                429 | 503 => {
                    let wait = answer.error.and_then(|e| e.retry_after_s).expect("busy says how long");
                    return Heard::Wait(wait.into());
                }
                other => panic!("{other}: {:?}", answer.error),
            }
        }
        Heard::Broken
    }

    /// Says how many photos have no receipt yet.
    pub fn unsent_photos(&self) -> usize {
        self.photos.len()
    }

    /// Sends the next photo that waits, from where headquarters stands; its record has to be there.
    pub async fn upload(&mut self, at: SocketAddr, bytes: u64) -> Heard {
        let Some(seed) = self.photos.first().copied() else { return Heard::Page(false) };
        let content = content(seed, bytes);
        let creation = Creation { file: file(&content) }.headers(false);
        let nonce = self.device.nonce.clone();
        let (mut method, mut path, mut headers, mut body, mut nonce) =
            ("POST", UPLOADS_PATH.to_owned(), creation, Vec::new(), nonce);
        for _ in 0..4 {
            let request = self.device.file_request(method, &path, headers.clone(), body.clone(), &nonce);
            let Ok(response) = self.exchange(at, &request).await else {
                self.stream = None;
                return Heard::Broken;
            };
            let (state, next) = read_upload(&self.device.hq_key, &request, &response);
            if !next.is_empty() {
                self.device.nonce = next;
            }
            match state {
                Ok(state) => {
                    if let Some(receipt) = state.receipt {
                        receipt.verify(&self.device.hq_key).unwrap();
                        assert_eq!((receipt.device, receipt.file()), (self.device.id, file(&content)));
                        self.delivered.push(receipt.file());
                        self.photos.remove(0);
                        return Heard::Page(!self.photos.is_empty());
                    }
                    let from = usize::try_from(state.offset).unwrap();
                    (method, path, body) = ("PATCH", state.id.path(), content[from..].to_vec());
                    headers = patch_headers(state.offset);
                    nonce = patch_nonce(state.id, state.offset);
                }
                Err(error) if error.code == "nonce" => nonce.clone_from(&self.device.nonce),
                Err(error) if matches!(response.status, 429 | 503) || error.code == "busy" => {
                    return Heard::Wait(error.retry_after_s.unwrap_or(1).into());
                }
                // The next try asks where headquarters stands.
                Err(error) if matches!(error.code.as_str(), "wrong_offset" | "not_found") => {
                    return Heard::Broken;
                }
                Err(error) => panic!("{method}: {} {error:?}", response.status),
            }
        }
        Heard::Broken
    }

    async fn exchange(&mut self, at: SocketAddr, request: &Request) -> io::Result<Response> {
        if self.stream.is_none() {
            let socket = TcpSocket::new_v4()?;
            socket.bind((self.from, 0).into())?;
            self.stream = Some(socket.connect(at).await?);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let bytes = written(request);
        if self.cuts > 0 && self.dice.chance(self.cuts) {
            // Half of them break when all was said.
            let cut = usize::try_from(self.dice.below(bytes.len() as u64)).unwrap_or(0);
            let heard = if self.dice.chance(50) { bytes.len() } else { cut };
            stream.write_all(&bytes[..heard]).await?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        stream.write_all(&bytes).await?;
        receive(stream).await
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }
}

/// A request as it goes over the wire.
fn written(request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {AUTHORITY}\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
    [head.as_bytes(), &request.body].concat()
}

async fn receive(stream: &mut TcpStream) -> io::Result<Response> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.split("\r\n");
            let status = lines.next().and_then(|l| l.split(' ').nth(1)?.parse().ok());
            let headers: Vec<(String, String)> = lines
                .filter_map(|l| l.split_once(": "))
                .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
                .collect();
            let length =
                headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok());
            let (Some(status), Some(length)) = (status, length) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let mut body = bytes.split_off(end + 4);
            while body.len() < length {
                read_some(stream, &mut buffer, &mut body).await?;
            }
            return Ok(Response { status, headers, body });
        }
        read_some(stream, &mut buffer, &mut bytes).await?;
    }
}

async fn read_some(stream: &mut TcpStream, buffer: &mut [u8], into: &mut Vec<u8>) -> io::Result<()> {
    let n = stream.read(buffer).await?;
    into.extend_from_slice(&buffer[..n]);
    if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Bytes that compress to nothing.
fn content(seed: u64, length: u64) -> Vec<u8> {
    use rand_core::{Rng as _, SeedableRng as _};
    let mut bytes = vec![0; usize::try_from(length).unwrap()];
    rand_chacha::ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn file(bytes: &[u8]) -> FileRef {
    FileRef::of(bytes)
}

fn worker(n: u16) -> String {
    format!("gw-{n:04}")
}

fn grid(n: u16) -> String {
    format!("3707050{n:08}")
}
