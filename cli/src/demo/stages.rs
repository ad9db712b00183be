//! The stages of the demonstration, one after the other.
//!
//! Invariant: a stage ends when its phones have answered; none sleeps to let something settle.

use super::{
    DemoArgs, Progress,
    child::{Ask, Stand},
    phones::{DemoPhone, Program, sync_all, upload_all},
    proxy::Weather,
    report,
    town::{Imports, Town, first_reply},
    walk::{self, Act, Meeting, Walker},
};
use crate::{
    seed,
    words::{Failure, short},
};
use lanewalk_headquarters::{Source as _, SystemSource};
use lanewalk_model::{id::DocId, order::State, rows::ListRow, schema::DocKind, staff::Role};
use std::{collections::HashMap, path::Path, time::Duration};

/// Who gets a phone first: people who share grids, so that few phones meet too.
const ORDER: [&str; 8] = ["gw-03", "ps-01", "gw-02", "gw-05", "ps-03", "gw-01", "ps-02", "gw-04"];
const QUICK_PHONES: usize = 4;
/// Most phones: beyond it a laptop shows only itself.
const MOST_PHONES: usize = 64;
const STORM_ROUNDS: usize = 6;
const CALM_ROUNDS: usize = 20;

/// The running demonstration.
pub(super) struct Stage {
    /// Headquarters.
    pub(super) town: Town,
    /// The phones.
    pub(super) phones: Vec<DemoPhone>,
    /// What was imported.
    pub(super) imports: Imports,
    /// Names of staff by id.
    pub(super) names: HashMap<String, String>,
    grids: HashMap<String, Vec<String>>,
    program: Program,
    quick: bool,
    seed: u64,
    /// Orders at which two people met before.
    met: Vec<DocId>,
    /// The order whose return is decided while its proposer is offline.
    offered: Option<DocId>,
}

impl Stage {
    /// Starts headquarters, imports, enrols the phones.
    pub(super) fn open(args: &DemoArgs, root: &Path, progress: &Progress) -> Result<Self, Failure> {
        let town = Town::start(&root.join("hq"), args.seed)?;
        progress.say(
            format!("指挥中心在 {}，网络代理在 {}", town.console, town.proxy.address()),
            "headquarters is up, with two gate processes and a network between",
        );
        let imports = town.fill(args.orders.as_deref().zip(args.mapping.as_deref()))?;
        progress.tell(imports.orders.words());
        progress.tell(seed::moved_words(imports.orders.moved_ms));
        progress.tell(format!(
            "另有虚构来电（带姓名和电话）/ made-up calls with names and phones: {}",
            imports.calls.words()
        ));
        let staff = seed::staff()?;
        let wanted =
            if args.quick { args.phones.min(QUICK_PHONES) } else { args.phones.clamp(1, MOST_PHONES) };
        let program = Program { path: std::env::current_exe()?, photos: args.photos.clone() };
        let mut phones = Vec::new();
        for (n, worker) in ORDER.iter().cycle().take(wanted).enumerate() {
            let person = staff.iter().find(|p| p.id == *worker).ok_or_else(|| Failure::new(*worker))?;
            let role = person.role().ok_or_else(|| Failure::new(*worker))?;
            // A ninth phone is somebody's second one.
            let data = root.join("phones").join(if n < ORDER.len() {
                (*worker).to_owned()
            } else {
                format!("{worker}-{n}")
            });
            phones.push(DemoPhone::new(worker, &person.name_zh, role, data));
        }
        for phone in &mut phones {
            phone.start(&program)?;
            phone.enrol(town.invite(&phone.worker)?)?;
        }
        town.confirm()?;
        let first = sync_all(&mut phones)?;
        let down: u64 = first.iter().map(|s| s.down).sum();
        progress.say(
            format!("{} 部手机已登记，首次同步共 {} KB", phones.len(), down / 1_000),
            format!("{} phones enrolled, each a process with its own encrypted database", phones.len()),
        );
        let names = staff.iter().map(|p| (p.id.clone(), p.name_zh.clone())).collect();
        let grids = staff.into_iter().map(|p| (p.id, p.grids)).collect();
        Ok(Self {
            town,
            phones,
            imports,
            names,
            grids,
            program,
            quick: args.quick,
            seed: args.seed,
            met: Vec::new(),
            offered: None,
        })
    }

    fn walkers(&self) -> Result<Vec<Walker>, Failure> {
        let orders = self.town.orders()?;
        let places: Vec<(DocId, String)> = self
            .town
            .documents()?
            .into_iter()
            .filter(|(id, _, _)| id.kind == DocKind::Place)
            .map(|(id, view, _)| (id, view.text("grid").unwrap_or_default().to_owned()))
            .collect();
        let held = |phone: &DemoPhone| -> Walker {
            let grids = self.grids.get(&phone.worker).cloned().unwrap_or_default();
            let may_hold = |row: &ListRow| {
                // Property staff hold what is assigned to them, which is what was dispatched.
                grids.contains(&row.grid)
                    && (phone.role == Role::GridWorker || row.state != State::Triage.id())
            };
            Walker {
                worker: phone.worker.clone(),
                role: phone.role,
                orders: orders.iter().filter(|(_, row)| may_hold(row)).cloned().collect(),
                places: places.iter().filter(|(_, grid)| grids.contains(grid)).cloned().collect(),
                grids,
            }
        };
        Ok(self.phones.iter().map(held).collect())
    }

    /// With the network still there: households are registered and one return is asked for.
    pub(super) fn first_morning(&mut self, progress: &Progress) -> Result<(), Failure> {
        let walkers = self.walkers()?;
        let mut returned = None;
        for (phone, walker) in self.phones.iter_mut().zip(&walkers) {
            if walker.role != Role::GridWorker {
                continue;
            }
            phone.send(&walk::households(walker))?;
            let last = walker.orders.iter().rev().find(|(_, row)| row.state == State::Dispatched.id());
            if let (None, Some((order, _))) = (returned, last) {
                returned = Some(*order);
                let (what, reason) = ("return".into(), "地点属于相邻街道。".into());
                phone.send(&[Act::Propose { order: *order, what, reason, outcome: None, days: None }])?;
            }
            phone.finish()?;
        }
        self.offered = returned;
        sync_all(&mut self.phones)?;
        sync_all(&mut self.phones)?;
        progress.say(
            "登记了各网格的住户，提出一件退单",
            "households registered, one return asked for, all in step",
        );
        Ok(())
    }

    /// The network goes; everybody walks, headquarters goes on, and one phone dies in mid-sentence.
    pub(super) fn cut_off(&mut self, half_day: usize, progress: &Progress) -> Result<(), Failure> {
        let walkers = self.walkers()?;
        let meetings = walk::meetings(&walkers, &self.met);
        self.met.extend(meetings.iter().map(|m| m.order));
        let now = SystemSource.now_ms();
        self.town.proxy.weather(Weather::Cut);
        let tries = sync_all(&mut self.phones)?;
        let without = tries.iter().filter(|s| s.why == "no_network").count();
        progress.say(
            format!("断网：{without} 部手机没有信号，照常走访"),
            "the network is cut; everybody walks on",
        );
        let seed = self.seed.wrapping_add(u64::try_from(half_day).unwrap_or(0) << 48);
        let mut plans: Vec<Vec<Act>> =
            (0..walkers.len()).map(|n| walk::plan(n, &walkers, &meetings, now, self.quick, seed)).collect();
        self.visit_the_returned(&mut plans, &walkers);
        if let Some(settled) = self.settle_one(&mut plans, &walkers)? {
            progress.say(settled, "somebody who has seen both values of a conflict chooses");
        }
        for (phone, plan) in self.phones.iter_mut().zip(&plans) {
            phone.send(plan)?;
        }
        let victim = self.phones.len().saturating_sub(1).min(2 + 2 * half_day);
        if let (Some(phone), Some(plan)) = (self.phones.get_mut(victim), plans.get(victim)) {
            let answers = phone.kill_after(plan.len() / 2)?;
            progress.say(
                format!("{} 的手机写到第 {answers} 条（共 {}）时被 kill -9", phone.name, plan.len()),
                format!("kill -9 of {}'s phone in the middle of saving", phone.worker),
            );
            phone.start(&self.program)?;
            // The act under way may or may not be on the disk; the person looks and goes on.
            phone.send(plan.get(answers + 1..).unwrap_or_default())?;
        }
        let meanwhile = self.hq_goes_on(half_day, &plans, &walkers, &meetings)?;
        for phone in &mut self.phones {
            phone.finish()?;
        }
        let saved: usize = self.phones.iter().map(|p| p.saved.len()).sum();
        progress.say(
            format!("走访结束，手机上共保存 {saved} 条；{} 处两人撞在一起", meetings.len()),
            format!("{saved} acts saved, {} doors with two people at them", meetings.len()),
        );
        progress.say(meanwhile.0, meanwhile.1);
        Ok(())
    }

    /// The order whose return headquarters is about to accept is visited all the same.
    fn visit_the_returned(&mut self, plans: &mut [Vec<Act>], walkers: &[Walker]) {
        let Some(order) = self.offered.take() else { return };
        let holder =
            walkers.iter().position(|w| w.role == Role::GridWorker && w.orders.iter().any(|o| o.0 == order));
        if let Some(plan) = holder.and_then(|n| plans.get_mut(n)) {
            plan.retain(|act| !matches!(act, Act::Propose { order: o, .. } if *o == order));
            plan.push(Act::Visit {
                order,
                kind: "site_check".into(),
                result: "met".into(),
                notes: "顺路再看一次：问题仍在，已劝离。".into(),
                at: None,
            });
        }
    }

    /// A conflict that has come to a phone is settled there, by a person, with a new value.
    fn settle_one(&self, plans: &mut [Vec<Act>], walkers: &[Walker]) -> Result<Option<String>, Failure> {
        let key = "verified_facts";
        let open =
            self.town.documents()?.into_iter().find(|(_, view, _)| view.is_open_conflict(key)).map(|d| d.0);
        let Some(order) = open else { return Ok(None) };
        let holds = |w: &Walker| w.role == Role::GridWorker && w.orders.iter().any(|o| o.0 == order);
        let Some(n) = walkers.iter().position(holds) else { return Ok(None) };
        let text = "双方一同到场核对：上午属实，下午已处理，拍照留存。";
        if let Some(plan) = plans.get_mut(n) {
            plan.insert(0, Act::Set { doc: order, key: key.into(), text: text.into() });
        }
        let name = self.phones.get(n).map_or("", |p| p.name.as_str());
        Ok(Some(format!("{name} 看过两种说法后，对 {} 作出选定", short(&order))))
    }

    fn hq_goes_on(
        &mut self,
        half_day: usize,
        plans: &[Vec<Act>],
        walkers: &[Walker],
        meetings: &[Meeting],
    ) -> Result<(String, String), Failure> {
        let reply = plans.iter().find_map(|plan| first_reply(plan));
        let workers: Vec<(usize, &Walker)> =
            walkers.iter().enumerate().filter(|(_, w)| w.role == Role::GridWorker).collect();
        let elsewhere = workers.last().and_then(|(_, w)| w.grids.last()).cloned();
        // Somebody with other grids left and no meeting; the grid with most of the walk in it.
        let alone = |n: usize| meetings.iter().all(|m| m.who.0 != n && m.who.1 != n);
        let leaver = workers.iter().filter(|(n, w)| w.grids.len() > 1 && alone(*n)).map(|(_, w)| w).next();
        let leaver = leaver.or(workers.last().map(|(_, w)| w).filter(|w| w.grids.len() > 1));
        let ended = leaver.filter(|_| half_day == 0).and_then(|w| {
            let here = |grid: &&String| w.orders.iter().filter(|(_, row)| row.grid == **grid).count();
            Some((w.worker.clone(), w.grids.iter().max_by_key(here)?.clone()))
        });
        let done = self.town.meanwhile(reply, elsewhere, ended)?;
        if let Some((worker, grid)) = &done.ended {
            self.grids.entry(worker.clone()).or_default().retain(|g| g != grid);
        }
        let (zh, en) = match &done.ended {
            Some((worker, grid)) => {
                (format!("，收回 {worker} 在 {grid} 的权限"), format!(", {worker} loses a grid"))
            }
            None => Default::default(),
        };
        Ok((
            format!(
                "指挥中心同时：审批 {}，研判派件 {}（其中 {} 件换网格），科室答复 {}{zh}",
                done.decided, done.triaged, done.moved, done.replies
            ),
            format!(
                "meanwhile headquarters decided {}, triaged {} ({} to another grid), replied {}{en}",
                done.decided, done.triaged, done.moved, done.replies
            ),
        ))
    }

    /// The network comes back badly, and one phone dies while its answer is on the way.
    pub(super) fn bad_network(&mut self, half_day: usize, progress: &Progress) -> Result<(), Failure> {
        self.town.proxy.weather(Weather::Storm);
        let held = self.town.proxy.hold_next();
        let victim = half_day.min(self.phones.len().saturating_sub(1));
        if let Some(phone) = self.phones.get_mut(victim) {
            phone.ask(&Ask::Sync)?;
            held.recv_timeout(Duration::from_secs(60)).map_err(|_| Failure::new("the proxy saw no sync"))?;
            phone.kill()?;
            progress.say(
                format!(
                    "网络时好时坏；{} 的手机同步到一半被 kill -9（指挥中心已收下，回答没到）",
                    phone.name
                ),
                format!("a bad network; kill -9 of {}'s phone after headquarters had answered", phone.worker),
            );
            phone.start(&self.program)?;
        }
        let mut whole = 0;
        for _ in 0..STORM_ROUNDS {
            whole += sync_all(&mut self.phones)?.iter().filter(|s| s.ok).count();
        }
        let tries = STORM_ROUNDS * self.phones.len();
        self.photos_in_the_storm(half_day, progress)?;
        progress.say(
            format!("坏网络里同步 {tries} 次，完整成功 {whole} 次"),
            format!("{whole} of {tries} syncs came through whole"),
        );
        progress.tell(report::harm(self.town.proxy.harm()));
        Ok(())
    }

    /// Thumbnails and evidence copies go out through the bad network, and one phone dies while
    /// headquarters has a file that it does not know of yet.
    fn photos_in_the_storm(&mut self, half_day: usize, progress: &Progress) -> Result<(), Failure> {
        let victim = (half_day + 3).min(self.phones.len().saturating_sub(1));
        let held = self.town.proxy.hold_next();
        if let Some(phone) = self.phones.get_mut(victim) {
            phone.ask(&Ask::Upload(false))?;
            // A phone with nothing to send asks nothing.
            if held.recv_timeout(Duration::from_secs(2)).is_ok() {
                phone.kill()?;
                progress.say(
                    format!("{} 的手机发照片时被 kill -9（指挥中心已收到，回执没到）", phone.name),
                    format!("kill -9 of {}'s phone while it sends a photo", phone.worker),
                );
                phone.start(&self.program)?;
            } else {
                phone.uploaded()?;
            }
        }
        for _ in 0..2 {
            let files: u64 = upload_all(&mut self.phones, false)?.iter().map(|u| u.files).sum();
            progress.say(
                format!("坏网络里送达照片文件 {files} 个"),
                format!("{files} photo files came through the bad network"),
            );
        }
        Ok(())
    }

    /// Sends every photo file, originals too, and tells how far it is.
    fn send_photos(&mut self, progress: &Progress) -> Result<(), Failure> {
        for _ in 0..CALM_ROUNDS {
            let round = upload_all(&mut self.phones, true)?;
            let files: u64 = round.iter().map(|u| u.files).sum();
            let (left, bytes) = round.iter().fold((0, 0), |(n, b), u| (n + u.waiting.0, b + u.waiting.1));
            if files > 0 {
                progress.say(
                    format!("无线网络：又送达照片文件 {files} 个，还剩 {left} 个（{} KB）", bytes / 1_000),
                    format!("on Wi-Fi {files} more photo files arrived, {left} to go"),
                );
            }
            if files == 0 && round.iter().all(|u| u.ok && !u.yielded) {
                break;
            }
            self.settle()?;
        }
        Ok(())
    }

    /// The faults stop: everything comes to rest, the clerk answers, everything comes to rest again.
    pub(super) fn calm(&mut self, progress: &Progress) -> Result<(), Failure> {
        self.town.proxy.weather(Weather::Clear);
        let rounds = self.settle()?;
        self.send_photos(progress)?;
        let decided = self.town.decide_waiting()?;
        let more = self.settle()?;
        progress.say(
            format!("网络恢复，{rounds} 轮后静止；专员审批 {decided} 件，再 {more} 轮"),
            format!("the network is well; at rest after {rounds} rounds, {decided} decisions by the clerk, {more} more"),
        );
        Ok(())
    }

    /// Asks every phone how it stands and switches it off.
    pub(super) fn evening(&mut self) -> Result<Vec<Stand>, Failure> {
        let stands = self.phones.iter_mut().map(DemoPhone::stand).collect::<Result<Vec<_>, _>>()?;
        self.phones.iter_mut().try_for_each(DemoPhone::quit)?;
        Ok(stands)
    }

    /// Takes one saved entry out of headquarters' log, behind its back.
    pub(super) fn lose_one(&self) -> Result<(), Failure> {
        let hash = self.phones.iter().find_map(|p| p.saved.first()).map(|s| s.0);
        let hash = hash.ok_or_else(|| Failure::new("nothing to lose"))?;
        rusqlite::Connection::open(&self.town.database)?
            .execute("DELETE FROM log WHERE hash = ?1", [hash.0])?;
        Ok(())
    }

    /// Syncs until a whole round moves nothing.
    fn settle(&mut self) -> Result<usize, Failure> {
        for round in 1..=CALM_ROUNDS {
            if sync_all(&mut self.phones)?.iter().all(|s| s.ok && !s.moved) {
                return Ok(round);
            }
        }
        Ok(CALM_ROUNDS)
    }
}
