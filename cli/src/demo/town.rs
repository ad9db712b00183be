//! Headquarters of the demonstration: the real server on loopback, and what its staff do.
//!
//! Invariant: everything goes through the one writer thread, as in `lanewalk serve`; nothing of the
//! demonstration reaches around it for writing.

use super::{proxy::Proxy, walk::Act};
use crate::{
    admin,
    seed::{self, Import},
    serve::{self, Opened},
    words::Failure,
};
use lanewalk_headquarters::{
    Headquarters, Settings, Source as _, SystemSource, enrol,
    server::{self, Desk},
    store,
};
use lanewalk_model::{
    document::{Document, Edit},
    id::{DocId, Hash},
    order::{self, Destination, State},
    rows::ListRow,
    time::TimeMs,
    view::DocView,
};
use lanewalk_protocol::keys::PublicKey;
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

/// The clerk on watch.
pub(super) const CLERK: &str = "hc-01";
const DEPUTY: &str = "dl-01";
const SECTION: &str = "sc-09";

/// A running headquarters.
pub(super) struct Town {
    desk: Desk,
    /// The network before it.
    pub(super) proxy: Proxy,
    /// Its database.
    pub(super) database: PathBuf,
    /// Its data directory.
    pub(super) data: PathBuf,
    /// Where its console is.
    pub(super) console: SocketAddr,
    /// The key of its signatures.
    pub(super) key: PublicKey,
    _runtime: tokio::runtime::Runtime,
    _control: admin::Control,
    _lock: File,
}

/// What was imported.
pub(super) struct Imports {
    /// The real orders.
    pub(super) orders: Import,
    /// The made-up calls with a requester.
    pub(super) calls: Import,
}

/// What headquarters did while nobody could hear it.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    /// Proposals decided.
    pub(super) decided: usize,
    /// Orders sent to a section and a grid.
    pub(super) triaged: usize,
    /// Orders that went to another grid than the one they lay in.
    pub(super) moved: usize,
    /// The worker and the grid of the right that ended.
    pub(super) ended: Option<(String, String)>,
    /// Replies written by a section.
    pub(super) replies: usize,
}

impl Town {
    /// Opens headquarters in a directory and serves it behind the proxy.
    pub(super) fn start(data: &Path, seed: u64) -> Result<Self, Failure> {
        let proxy = Proxy::start(seed)?;
        let url = format!("http://{}", proxy.address());
        let Opened { hq, lock, .. } =
            serve::open(data, Some(&url), Settings::default(), Box::new(serve::gate()?))?;
        let key = hq.public_key();
        let (desk, _) = Desk::start(hq)?;
        let control = admin::listen(data, desk.clone())?;
        let database = data.join(serve::DATABASE);
        let router =
            server::router_with(desk.clone(), database.clone(), Some(serve::worker("photo-worker")?));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let console = listener.local_addr()?;
        runtime.spawn(server::serve(router, listener, std::future::pending()));
        proxy.lead_to(console);
        Ok(Self {
            desk,
            proxy,
            database,
            data: data.to_path_buf(),
            console,
            key,
            _runtime: runtime,
            _control: control,
            _lock: lock,
        })
    }

    /// Does something at headquarters.
    pub(super) fn at_hq<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Headquarters) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.desk.run(act)?
    }

    /// Fills it: staff, grids, catalogue, calendar, orders.
    pub(super) fn fill(&self, files: Option<(&Path, &Path)>) -> Result<Imports, Failure> {
        let files = files
            .map(|(csv, mapping)| Ok::<_, Failure>((fs::read(csv)?, fs::read_to_string(mapping)?)))
            .transpose()?;
        self.at_hq(move |hq| {
            let now = TimeMs(SystemSource.now_ms());
            seed::town(hq, now)?;
            let orders = match &files {
                Some((csv, mapping)) => seed::import(hq, csv, mapping, now, true, CLERK)?,
                None => seed::orders(hq, now, CLERK)?,
            };
            Ok(Imports { orders, calls: seed::calls(hq, now, CLERK)? })
        })
    }

    /// Makes an invitation.
    pub(super) fn invite(&self, worker: &str) -> Result<String, Failure> {
        let worker = worker.to_owned();
        self.at_hq(move |hq| Ok(hq.invite(&worker)?.to_text()))
    }

    /// Confirms the phones that wait, as their fingerprints were read aloud.
    pub(super) fn confirm(&self) -> Result<(), Failure> {
        self.at_hq(|hq| {
            for waiting in enrol::waiting(hq.reader())? {
                hq.confirm(waiting.device)?;
            }
            Ok(())
        })
    }

    /// Lists every order with its row.
    pub(super) fn orders(&self) -> Result<Vec<(DocId, ListRow)>, Failure> {
        self.at_hq(|hq| admin::orders(hq))
    }

    /// The clerk answers what waits: agrees to every second one.
    pub(super) fn decide_waiting(&self) -> Result<usize, Failure> {
        self.at_hq(|hq| {
            let waiting = hq.waiting()?;
            for (n, w) in waiting.iter().enumerate() {
                let accept = n.is_multiple_of(2);
                let words = if accept { "" } else { "请先与区热线办核实管辖范围再提。" };
                hq.decide(w.order, &w.event, accept, CLERK, words)?;
            }
            Ok(waiting.len())
        })
    }

    /// What happens at headquarters while the phones are cut off.
    pub(super) fn meanwhile(
        &self,
        reply: Option<DocId>,
        elsewhere: Option<String>,
        ended: Option<(String, String)>,
    ) -> Result<Meanwhile, Failure> {
        let decided = self.decide_waiting()?;
        let orders = self.orders()?;
        self.at_hq(move |hq| {
            let mut done = Meanwhile { decided, ended, ..Meanwhile::default() };
            for (id, row) in
                orders.iter().filter(|(_, row)| row.state == State::Triage.id() && !row.grid.is_empty())
            {
                // The first one that can: it turns out to lie in another grid.
                let other = elsewhere.as_ref().filter(|g| done.moved == 0 && **g != row.grid);
                done.moved += usize::from(other.is_some());
                let grid = other.unwrap_or(&row.grid).clone();
                let to = Destination { lead_unit: "sec-shequ".into(), grid, ..Destination::default() };
                hq.perform(DEPUTY, *id, &order::Act::Dispatch(to), "清单未列明,按属地由社区工作科牵头")?;
                done.triaged += 1;
            }
            if let Some(order) = reply {
                let words = "经社区工作科核实，已列入本周整治计划。";
                hq.write_as(SECTION, order, &[Edit::set("reply_text", words)])?;
                done.replies += 1;
            }
            if let Some((worker, grid)) = &done.ended {
                hq.end_grant(worker, grid, TimeMs(SystemSource.now_ms()))?;
            }
            Ok(done)
        })
    }

    /// Opens a second, read-only connection to its database.
    pub(super) fn reader(&self) -> Result<rusqlite::Connection, Failure> {
        Ok(store::open_reader(&self.database)?)
    }

    /// Reads every document with its heads.
    pub(super) fn documents(&self) -> Result<Vec<(DocId, DocView, Vec<Hash>)>, Failure> {
        let db = self.reader()?;
        let mut statement = db.prepare("SELECT id, saved FROM docs ORDER BY n")?;
        let rows = statement.query_map([], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)))?;
        let mut out = Vec::new();
        for row in rows {
            let (id, saved) = row?;
            let id = DocId::from_slice(&id).map_err(|e| Failure::new(e.to_string()))?;
            let mut doc = Document::load(id.kind, &saved).map_err(|e| Failure::new(e.to_string()))?;
            out.push((id, doc.view(), doc.heads()));
        }
        Ok(out)
    }
}

/// Finds the first order a walk writes a reply to.
pub(super) fn first_reply(acts: &[Act]) -> Option<DocId> {
    acts.iter().find_map(|act| match act {
        Act::Set { doc, key, .. } if key == "reply_text" => Some(*doc),
        _ => None,
    })
}
