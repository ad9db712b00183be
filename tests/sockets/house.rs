//! Headquarters on a socket that can be stopped and started again on the same port.

use lanewalk_field::{Config, Field, StoreKey, SystemSource};
use lanewalk_headquarters::{
    Headquarters, Rates, Settings,
    gate::InProcess,
    server::{self, Desk, Listening, Patience},
    store::Place,
    tls::Tls,
};
use lanewalk_model::{
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    pins::Pins,
};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::oneshot;

pub(crate) const GRID: &str = "370705005004001";

/// How headquarters is run.
#[derive(Default)]
pub(crate) struct Manner {
    pub(crate) tls: Option<Tls>,
    pub(crate) rates: Rates,
    pub(crate) patience: Patience,
}

/// A running headquarters.
pub(crate) struct House {
    pub(crate) desk: Option<Desk>,
    pub(crate) address: SocketAddr,
    directory: PathBuf,
    running: Option<(oneshot::Sender<()>, Vec<JoinHandle<()>>)>,
}

/// A free port; the listener keeps it.
pub(crate) fn bind(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
}

impl House {
    pub(crate) fn start(directory: &Path, manner: Manner) -> Self {
        let listener = bind(0);
        let address = listener.local_addr().unwrap();
        let mut house = Self { desk: None, address, directory: directory.to_owned(), running: None };
        house.run(listener, manner);
        house
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self, manner: Manner) {
        self.stop();
        let listener = bind(self.address.port());
        self.run(listener, manner);
    }

    fn run(&mut self, listener: TcpListener, manner: Manner) {
        let Manner { tls, rates, patience } = manner;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let pins = tls.as_ref().map_or_else(Pins::default, |tls| tls.pins.clone());
        let public_url = format!("{scheme}://{}", self.address);
        let settings = Settings { public_url, pins, rates, ..Settings::default() };
        let database = self.directory.join("hq.db");
        let source = Arc::new(lanewalk_headquarters::SystemSource);
        let place = Place::File(database.clone());
        let hq = Headquarters::open(&place, settings, source, Box::new(InProcess)).unwrap();
        let (desk, writer) = Desk::start(hq).unwrap();
        let router = server::router(desk.clone(), database);
        let on = Listening { listener, tls: tls.map(|tls| tls.config), patience };
        let (stop, stopped) = oneshot::channel();
        let server = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            runtime.block_on(server::serve_on(router, on, stopped)).unwrap();
        });
        (self.desk, self.running) = (Some(desk), Some((stop, vec![server, writer])));
    }

    /// Stops it; the port is closed when this returns.
    pub(crate) fn stop(&mut self) {
        self.desk = None;
        if let Some((stop, threads)) = self.running.take() {
            stop.send(()).unwrap();
            for thread in threads {
                thread.join().unwrap();
            }
        }
    }

    pub(crate) fn at_hq<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Headquarters) -> T + Send + 'static,
    ) -> T {
        self.desk.as_ref().unwrap().run(act).unwrap()
    }

    /// Invites a worker.
    pub(crate) fn invite(&self) -> String {
        self.at_hq(|hq| {
            hq.put_staff("gw-01", "张网格", Role::GridWorker).unwrap();
            let grant = Grant { grid: GRID.into(), role: Role::GridWorker, from: TimeMs(0), to: None };
            hq.grant("gw-01", &grant).unwrap();
            hq.invite("gw-01").unwrap().to_text()
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Opens a phone.
pub(crate) fn phone(directory: &Path, n: u8) -> Field {
    let config = Config::new(directory.join(format!("phone-{n}")), StoreKey::new([n; 32]));
    let signer = Arc::new(SoftSigner::new(Algorithm::Es256, &[n; 32]).unwrap());
    Field::open(config, Arc::new(SystemSource::new()), signer).unwrap()
}
