//! The street's network: drops, duplicates, lost answers, late and repeated requests, captive portals, a busy server, and
//! phones that die while waiting.

use crate::{
    dice::Dice,
    skew::{self, Skew},
};
use lanewalk_field::{Transport, TransportError};
use lanewalk_headquarters::Headquarters;
use lanewalk_protocol::{
    http::{Request, Response},
    keys::DeviceSigner,
};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};

/// What the network does, in percent of requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Request never arrives.
    pub drop_request: u64,
    /// Answer never arrives.
    pub drop_response: u64,
    /// Request arrives twice: one after the other, or both in one batch.
    pub duplicate: u64,
    /// An older request of anybody arrives again.
    pub late_repeat: u64,
    /// The request is held up and arrives after later ones.
    pub delay: u64,
    /// The server's queue is full: it says so before headquarters itself is asked.
    pub overload: u64,
    /// Somebody else answers 200: with a web page, with the right media type, or with what headquarters
    /// told somebody before.
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
        delay: 0,
        overload: 0,
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
    held: Vec<Request>,
    /// Headquarters' last answer to anybody.
    said: Option<Response>,
    /// The version that headquarters plays.
    version: Skew,
    /// What headquarters signs with, in whatever life.
    secret: [u8; 32],
    /// Over every byte of every request and answer, in their order.
    trace: Sha256,
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
        let (heard, held, trace) = (Vec::new(), Vec::new(), Sha256::new());
        let (said, version, secret) = (None, Skew::Same, skew::secret(&hq));
        let state = State { hq, weather, traffic, dice, heard, held, said, version, secret, trace };
        Arc::new(Self(Mutex::new(state)))
    }

    /// Works with headquarters directly.
    pub fn hq<T>(&self, run: impl FnOnce(&mut Headquarters) -> T) -> T {
        run(&mut self.0.lock().unwrap().hq)
    }

    /// Puts another headquarters at the end of the wires (after a crash or a restore).
    pub fn replace_hq(&self, hq: Headquarters) {
        self.0.lock().unwrap().hq = hq;
    }

    /// Changes the weather. What was held up arrives before it.
    pub fn set_weather(&self, weather: Weather) {
        let mut state = self.0.lock().unwrap();
        while !state.held.is_empty() {
            state.deliver_held();
        }
        state.weather = weather;
    }

    /// Lets headquarters answer as another version would.
    pub fn speak(&self, version: Skew) {
        self.0.lock().unwrap().version = version;
    }

    /// Returns the hash over everything that went over the wires.
    pub fn trace(&self) -> [u8; 32] {
        self.0.lock().unwrap().trace.clone().finalize().into()
    }

    /// Reads the counters.
    pub fn traffic(&self) -> Traffic {
        self.0.lock().unwrap().traffic
    }
}

impl State {
    fn deliver(&mut self, request: &Request) -> Response {
        self.deliver_all(std::slice::from_ref(request)).pop().unwrap()
    }

    /// Lets requests arrive together: headquarters answers them in one transaction.
    fn deliver_all(&mut self, requests: &[Request]) -> Vec<Response> {
        let responses = self.hq.handle(requests);
        for (request, response) in requests.iter().zip(&responses) {
            self.traffic.requests += 1;
            self.traffic.up += request.body.len() as u64;
            self.traffic.down += response.body.len() as u64;
            for (headers, body) in [(&request.headers, &request.body), (&response.headers, &response.body)] {
                headers.iter().for_each(|(name, value)| self.trace.update(format!("{name}: {value}\n")));
                self.trace.update((body.len() as u64).to_be_bytes());
                self.trace.update(body);
            }
        }
        responses
    }

    /// What somebody between the phone and headquarters answers.
    fn portal(&mut self) -> Response {
        let page = |media: &str, body: &[u8]| {
            let headers = vec![("content-type".into(), media.into())];
            Response { status: 200, headers, body: body.to_vec() }
        };
        match (self.dice.below(3), &self.said) {
            (0, Some(before)) => before.clone(),
            (1, _) => page(lanewalk_protocol::frame::MEDIA_TYPE, b"\x28\xb5\x2f\xfd"),
            _ => page("text/html", b"<html>please log in</html>"),
        }
    }

    /// Lets a request that was held up arrive; nobody waits for its answer any more.
    fn deliver_held(&mut self) {
        let at = usize::try_from(self.dice.below(self.held.len() as u64)).unwrap();
        let late = self.held.swap_remove(at);
        self.deliver(&late);
    }

    fn fault(&mut self, percent: u64) -> bool {
        let hit = percent > 0 && self.dice.chance(percent);
        self.traffic.faults += u64::from(hit);
        hit
    }

    /// Sends one request of a phone that plays `version` through the weather; its own words were bound
    /// to `binding`. `die` is called when the phone dies now.
    fn send(
        &mut self,
        request: Request,
        binding: &str,
        version: Skew,
        die: &dyn Fn(),
    ) -> Result<Response, TransportError> {
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
            return Ok(self.portal());
        }
        if self.fault(weather.overload) {
            // As the server says it: not headquarters' signed word.
            return Ok(Response { status: 503, headers: Vec::new(), body: b"busy".to_vec() });
        }
        if self.fault(weather.delay) {
            self.held.push(request);
            return no_network();
        }
        if !self.held.is_empty() && self.dice.chance(50) {
            self.deliver_held();
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
        let response = match self.fault(weather.duplicate) {
            true if self.dice.chance(50) => {
                let mut both = self.deliver_all(&[request.clone(), request.clone()]);
                both.swap_remove(usize::from(self.dice.chance(50)))
            }
            true => {
                self.deliver(&request);
                self.deliver(&request)
            }
            false => self.deliver(&request),
        };
        // A phone that knows no optional keys reads none.
        let speaks = if version == Skew::Older { version } else { self.version };
        let mut response = speaks.answer(&self.secret, (binding, &request), response);
        self.said = Some(response.clone());
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
    chip: Option<Arc<dyn DeviceSigner>>,
    version: Mutex<Skew>,
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
        Self { network, chip: None, version: Mutex::default(), die: Box::new(die) }
    }

    /// Lets the phone with this key chip play other versions on its end.
    #[must_use]
    pub fn with_chip(self, chip: Arc<dyn DeviceSigner>) -> Self {
        Self { chip: Some(chip), ..self }
    }

    /// Lets the phone speak as another version would.
    pub fn speak(&self, version: Skew) {
        *self.version.lock().unwrap() = version;
    }

    /// Returns the version that the phone plays.
    pub fn version(&self) -> Skew {
        *self.version.lock().unwrap()
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (version, binding) = (self.version(), request.binding());
        let request = match &self.chip {
            Some(chip) => version.request(request, chip.as_ref()),
            None => request,
        };
        self.network.0.lock().unwrap().send(request, &binding, version, &self.die)
    }
}
