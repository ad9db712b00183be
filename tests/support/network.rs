//! The street's network: drops, duplicates, lost answers, late repeats, captive portals, and
//! phones that die while waiting.

use crate::dice::Dice;
use lanewalk_field::{Transport, TransportError};
use lanewalk_headquarters::Headquarters;
use lanewalk_protocol::http::{Request, Response};
use std::sync::{Arc, Mutex};

/// What the network does, in percent of requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Request never arrives.
    pub drop_request: u64,
    /// Answer never arrives.
    pub drop_response: u64,
    /// Request arrives twice.
    pub duplicate: u64,
    /// An older request of anybody arrives again.
    pub late_repeat: u64,
    /// Somebody else answers 200 with a web page.
    pub captive_portal: u64,
    /// The connection breaks within the request's body: headquarters hears a part of it.
    pub cut_request: u64,
    /// The answer's body is cut.
    pub cut_response: u64,
    /// One bit of the answer flips.
    pub flip_response: u64,
    /// The phone dies: before the request, or after headquarters has answered.
    pub kill: u64,
}

impl Weather {
    /// A fair day: nothing goes wrong.
    pub const FAIR: Self = Self {
        drop_request: 0,
        drop_response: 0,
        duplicate: 0,
        late_repeat: 0,
        captive_portal: 0,
        cut_request: 0,
        cut_response: 0,
        flip_response: 0,
        kill: 0,
    };
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that reached headquarters.
    pub requests: u64,
    /// Bodies towards headquarters, bytes.
    pub up: u64,
    /// Bodies towards phones, bytes.
    pub down: u64,
    /// Faults made.
    pub faults: u64,
}

/// The wires between phones and one headquarters.
pub struct Network(Mutex<State>);

struct State {
    hq: Headquarters,
    weather: Weather,
    traffic: Traffic,
    dice: Dice,
    heard: Vec<Request>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// Makes a network in fair weather.
    pub fn new(hq: Headquarters, dice: Dice) -> Arc<Self> {
        let (weather, traffic) = (Weather::FAIR, Traffic::default());
        Arc::new(Self(Mutex::new(State { hq, weather, traffic, dice, heard: Vec::new() })))
    }

    /// Works with headquarters directly.
    pub fn hq<T>(&self, run: impl FnOnce(&mut Headquarters) -> T) -> T {
        run(&mut self.0.lock().unwrap().hq)
    }

    /// Puts another headquarters at the end of the wires (after a crash or a restore).
    pub fn replace_hq(&self, hq: Headquarters) {
        self.0.lock().unwrap().hq = hq;
    }

    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.0.lock().unwrap().weather = weather;
    }

    /// Reads the counters.
    pub fn traffic(&self) -> Traffic {
        self.0.lock().unwrap().traffic
    }
}

impl State {
    fn deliver(&mut self, request: &Request) -> Response {
        self.traffic.requests += 1;
        self.traffic.up += request.body.len() as u64;
        let response = self.hq.handle(std::slice::from_ref(request)).pop().unwrap();
        self.traffic.down += response.body.len() as u64;
        response
    }

    fn fault(&mut self, percent: u64) -> bool {
        let hit = percent > 0 && self.dice.chance(percent);
        self.traffic.faults += u64::from(hit);
        hit
    }

    /// Sends one request through the weather. `die` is called when the phone dies now.
    fn send(&mut self, request: Request, die: &dyn Fn()) -> Result<Response, TransportError> {
        let weather = self.weather;
        let no_network = || Err(TransportError::Unreachable { detail: "simulated".into() });
        if self.fault(weather.kill / 2) {
            die();
            return no_network();
        }
        if self.fault(weather.drop_request) {
            return no_network();
        }
        if self.fault(weather.captive_portal) {
            let headers = vec![("content-type".into(), "text/html".into())];
            return Ok(Response { status: 200, headers, body: b"<html>please log in</html>".to_vec() });
        }
        if self.fault(weather.late_repeat) && !self.heard.is_empty() {
            let old = self.dice.pick(&self.heard).clone();
            self.deliver(&old);
        }
        if !request.body.is_empty() && self.fault(weather.cut_request) {
            let mut cut = request;
            let arrived = self.dice.below(cut.body.len() as u64);
            cut.body.truncate(usize::try_from(arrived).unwrap());
            self.traffic.up += arrived;
            self.hq.handle_cut(&cut);
            return no_network();
        }
        if self.fault(weather.duplicate) {
            self.deliver(&request);
        }
        let mut response = self.deliver(&request);
        self.heard.push(request);
        if self.fault(weather.kill.div_ceil(2)) {
            die();
            return no_network();
        }
        if self.fault(weather.drop_response) {
            return no_network();
        }
        if self.fault(weather.cut_response) {
            response.body.truncate(response.body.len() / 2);
        }
        if self.fault(weather.flip_response) && !response.body.is_empty() {
            let at = usize::try_from(self.dice.below(response.body.len() as u64)).unwrap();
            response.body[at] ^= 1;
        }
        Ok(response)
    }
}

/// One phone's end of the network.
pub struct Wire {
    network: Arc<Network>,
    die: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Makes a phone's end; `die` is called when the weather kills the phone.
    pub fn new(network: Arc<Network>, die: impl Fn() + Send + Sync + 'static) -> Self {
        Self { network, die: Box::new(die) }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.network.0.lock().unwrap().send(request, &self.die)
    }
}
