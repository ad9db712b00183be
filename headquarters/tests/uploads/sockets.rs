//! The same over real sockets: bodies that break off in the middle, two requests at once.

use crate::device::{Device, EAST, Town, bytes, file_of, files, read, record};
use lanewalk_headquarters::server::{Desk, router, serve};
use lanewalk_protocol::{
    http::{Request, Response},
    limits,
    upload::photo_path,
};
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// A server on a port of its own; ends when dropped.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    fn start(town: &mut Town, listener: std::net::TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (desk, writer) = Desk::start(town.take_hq()).unwrap();
        let routes = router(desk, town.database());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let stopped = async move {
                let _ = stopped.await;
            };
            runtime.unwrap().block_on(serve(routes, listener, stopped)).unwrap();
        });
        Self { address, stop: Some(stop), threads: vec![server, writer] }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    fn ask(&self, device: &mut Device, request: &Request) -> crate::device::Answer {
        let mut stream = self.connect();
        stream.write_all(&head(request)).unwrap();
        stream.write_all(&request.body).unwrap();
        let answer = read(&device.hq_key, request, &answer(stream));
        if !answer.next.is_empty() {
            device.nonce.clone_from(&answer.next);
        }
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn head(request: &Request) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
        request.method, request.path, request.authority
    );
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
    text.into_bytes()
}

fn answer(mut stream: TcpStream) -> Response {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer") + 4;
    let text = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = text.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Response { status, headers, body: bytes[end..].to_vec() }
}

#[test]
fn a_body_that_breaks_off_is_kept_and_goes_on() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut town = Town::new();
    town.host = listener.local_addr().unwrap().to_string();
    town.open(0);
    let content = bytes(5, 2_000_000);
    let file = file_of(&content);
    town.visit("gw-01", EAST, &[record(file, None, Some(file))]);
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    let server = Server::start(&mut town, listener);
    let request = device.create_request(file, &content[..9]);
    let made = server.ask(&mut device, &request);
    assert_eq!((made.status, made.up().offset), (201, 9));
    let id = made.up().id;
    // Three cuts, each at once after some bytes: by closing and by half closing.
    let mut at = 9;
    for (sent, how) in [(64 << 10, Shutdown::Both), (300_000, Shutdown::Write), (1, Shutdown::Both)] {
        let from = at as usize;
        let part = &content[from..content.len().min(from + limits::UPLOAD_PART_BYTES)];
        let request = device.patch_request(id, at, part);
        let mut stream = server.connect();
        stream.write_all(&head(&request)).unwrap();
        stream.write_all(&part[..sent]).unwrap();
        stream.shutdown(how).unwrap();
        if how == Shutdown::Write {
            let mut rest = Vec::new();
            // Whatever is said to the half that still listens; it says when the work is done.
            let _ = stream.read_to_end(&mut rest);
        }
        drop(stream);
        // Asks until the cut has been worked: nothing tells the phone either.
        let wanted = at + sent as u64;
        for _ in 0..100_000 {
            let request = device.bare_request("HEAD", id);
            let look = server.ask(&mut device, &request);
            if look.status == 200 {
                at = look.up().offset;
            }
            if at == wanted {
                break;
            }
        }
        assert_eq!(at, wanted, "what arrived is kept");
    }
    while at < content.len() as u64 {
        let from = at as usize;
        let part = &content[from..content.len().min(from + limits::UPLOAD_PART_BYTES)];
        let request = device.patch_request(id, at, part);
        let answer = server.ask(&mut device, &request);
        assert_eq!(answer.status, 204, "{}", answer.code);
        at = answer.up().offset;
    }
    let request = device.bare_request("HEAD", id);
    let look = server.ask(&mut device, &request);
    assert_eq!(look.receipt().file(), file);
    let nonce = device.nonce.clone();
    let request = device.request("GET", &photo_path(file.sha256), vec![], &[], &nonce);
    let given = server.ask(&mut device, &request);
    assert_eq!((given.status, given.body.len()), (200, content.len()));
    drop(server);
    assert_eq!(std::fs::read(&files(&town.folder())[0].0).unwrap(), content);
}
