//! Peers of other versions (F23), played on the wire: what a phone or headquarters of this version
//! says is said as an older or a newer one would say it, and signed anew with the speaker's key.
//!
//! Invariant: the meaning stays the same, so everything must come out as without it; only a phone
//! whose number headquarters does not speak is told so. Rejected: keeping old binaries, which no
//! seed could drive.

use base64::Engine as _;
use lanewalk_headquarters::Headquarters;
use lanewalk_model::id::DeviceId;
use lanewalk_protocol::{
    VERSION,
    http::{ENROL_PATH, NEXT_NONCE, RESPONSE_SIGNATURE, Request, Response, SYNC_PATH, header},
    httpsig::{self, RequestParts, SignatureHeadersRef, sign_request},
    keys::{Algorithm, DeviceSigner, Domain, SoftSigner, sign_domain},
    receipt::response_message,
};
use minicbor::{Decoder, Encoder, data::Type};

/// Which version a peer plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skew {
    /// This one.
    #[default]
    Same,
    /// One before optional keys were added to messages.
    Older,
    /// One that has added keys and elements which nobody here knows.
    Newer,
    /// One whose number is below what headquarters speaks.
    TooOld,
    /// One whose number is above it.
    TooNew,
}

/// The first optional keys of a sync's request and answer: versions before them left them out.
const REQUEST_OPTIONAL: u64 = 8;
const ANSWER_OPTIONAL: u64 = 14;
/// A key that no version uses.
const UNKNOWN: u64 = 77;

impl Skew {
    /// Says whether headquarters speaks its number.
    pub fn speaks(self) -> bool {
        !matches!(self, Self::TooOld | Self::TooNew)
    }

    /// Says a phone's request as this version would. `chip` is the phone's key.
    #[must_use]
    pub fn request(self, mut request: Request, chip: &dyn DeviceSigner) -> Request {
        if self == Self::Same || !is_message(&request) {
            return request;
        }
        let lines = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes()));
        let Ok(claimed) = SignatureHeadersRef::from_lines(lines).and_then(|h| httpsig::parse(&h)) else {
            // An enrolment is proven within its body, which nothing may change.
            return request;
        };
        let plain = zstd::stream::decode_all(request.body.as_slice()).unwrap();
        request.body = pack(&self.map(&plain, REQUEST_OPTIONAL));
        let parts = RequestParts {
            method: &request.method,
            authority: &request.authority,
            path: &request.path,
            query: &request.query,
            body: &request.body,
        };
        let device: DeviceId = claimed.key_id.parse().unwrap();
        let signed =
            sign_request(parts, claimed.created_s, &claimed.nonce, &device.to_string(), chip).unwrap();
        for (name, value) in [
            (httpsig::CONTENT_DIGEST, signed.content_digest),
            (httpsig::SIGNATURE_INPUT, signed.signature_input),
            (httpsig::SIGNATURE, signed.signature),
        ] {
            let line = request.headers.iter_mut().find(|(n, _)| n == name).unwrap();
            line.1 = value;
        }
        request
    }

    /// Says headquarters' answer to a request as this version would, to a phone that asked with this
    /// binding, whatever version's words the request was put into on the way.
    #[must_use]
    pub fn answer(
        self,
        secret: &[u8; 32],
        (binding, request): (&str, &Request),
        mut response: Response,
    ) -> Response {
        let as_it_is = self == Self::Same && request.binding() == binding;
        if as_it_is || !is_message(request) || header(&response.headers, RESPONSE_SIGNATURE).is_none() {
            return response;
        }
        let plain = zstd::stream::decode_all(response.body.as_slice()).unwrap();
        let said = match Decoder::new(&plain).datatype() {
            _ if self == Self::Same => plain,
            Ok(Type::Map) => self.map(&plain, ANSWER_OPTIONAL),
            _ if self == Self::Newer => longer(&plain),
            _ => plain,
        };
        response.body = pack(&said);
        let signer = SoftSigner::new(Algorithm::Ed25519, secret).unwrap();
        let next = header(&response.headers, NEXT_NONCE).unwrap_or_default();
        let message = response_message(binding, response.status, next, &response.body);
        let signature = sign_domain(&signer, Domain::Response, &message).unwrap();
        let bytes = [&[signature.algorithm() as u8], signature.bytes()].concat();
        let line = response.headers.iter_mut().find(|(n, _)| n == RESPONSE_SIGNATURE).unwrap();
        line.1 = base64::engine::general_purpose::STANDARD.encode(bytes);
        response
    }

    /// Says a message, a CBOR map, as this version would: without its keys from `optional` on, with
    /// keys nobody knows, with another number.
    fn map(self, plain: &[u8], optional: u64) -> Vec<u8> {
        let mut d = Decoder::new(plain);
        let len = d.map().unwrap().unwrap();
        let mut pairs: Vec<(u64, Vec<u8>)> = Vec::new();
        for _ in 0..len {
            let key = d.u64().unwrap();
            let from = d.position();
            d.skip().unwrap();
            pairs.push((key, plain[from..d.position()].to_vec()));
        }
        match self {
            Self::Same => {}
            Self::Older => pairs.retain(|(key, _)| *key < optional),
            Self::Newer => {
                let nested = [0x82, 0xa1, 0x01, 0x63, 0xe6, 0x96, 0xb0, 0xf6];
                pairs.insert(0, (UNKNOWN, nested.to_vec()));
                pairs.push((UNKNOWN + 1, minicbor::to_vec("新").unwrap()));
            }
            Self::TooOld => pairs[0].1 = minicbor::to_vec(VERSION - 1).unwrap(),
            Self::TooNew => pairs[0].1 = minicbor::to_vec(VERSION + 1).unwrap(),
        }
        let mut e = Encoder::new(Vec::new());
        e.map(pairs.len() as u64).unwrap();
        let mut out = e.into_writer();
        for (key, value) in pairs {
            out.extend(minicbor::to_vec(key).unwrap());
            out.extend(value);
        }
        out
    }
}

/// A refusal with one more element at its end.
fn longer(plain: &[u8]) -> Vec<u8> {
    let mut d = Decoder::new(plain);
    let len = d.array().unwrap().unwrap();
    let mut e = Encoder::new(Vec::new());
    // What is absent at the end was left out: the new element stands behind all of them.
    e.array(NEWER_ERROR).unwrap();
    let mut out = e.into_writer();
    out.extend(&plain[d.position()..]);
    out.extend((len..NEWER_ERROR - 1).map(|_| 0xf6));
    out.push(0x07);
    out
}

/// Elements of a newer version's refusal: one more than this one knows.
const NEWER_ERROR: u64 = 7;

fn is_message(request: &Request) -> bool {
    [SYNC_PATH, ENROL_PATH].contains(&request.path.as_str())
}

fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap()
}

/// Reads the key that headquarters signs with.
pub fn secret(hq: &Headquarters) -> [u8; 32] {
    let sql = "SELECT value FROM meta WHERE key = 'signing_key'";
    hq.reader().query_row(sql, [], |r| r.get(0)).unwrap()
}
