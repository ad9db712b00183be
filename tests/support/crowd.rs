//! Many phones at once on real sockets, each as small as can be: its key, its chain, its nonce.
//!
//! Invariant: every answer is believed only with headquarters' signature, every receipt is checked,
//! and whoever is told to wait comes again with the same bytes. Rejected: a thousand whole cores,
//! whose own work would be most of what is measured.

use crate::{
    dice::Dice,
    hostile::{AUTHORITY, Device, read_answer},
    words,
};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::Edit,
    id::{DocId, Hash},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    entry::Entry,
    http::{Request, Response},
    keys::{Algorithm, SoftSigner},
    sync::SyncRequest,
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
        }
    }

    /// Records a visit.
    pub fn write(&mut self, n: u16) {
        let id: DocId = self.device.new_id(DocKind::Visit);
        let visit = [
            Edit::set("kind", "patrol"),
            Edit::set("grid", grid(n)),
            Edit::set("by", worker(n)),
            Edit::set("started", 1_778_000_000_000_i64),
            Edit::set("notes", words::sentence(&mut self.dice)),
        ];
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

fn worker(n: u16) -> String {
    format!("gw-{n:04}")
}

fn grid(n: u16) -> String {
    format!("3707050{n:08}")
}
