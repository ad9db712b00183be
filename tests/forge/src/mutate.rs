//! Changes bent by dice.

use crate::{body_of, read_unsigned, unsigned, wrap};

/// Bends valid changes; a seed gives the same bent ones again.
#[derive(Debug, Clone)]
pub struct Mutator(u64);

/// Bytes that numbers and runs turn on.
const EDGES: [u8; 10] = [0x00, 0x01, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

impl Mutator {
    /// Makes one from a seed; 0 counts as 1.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// Draws 64 bits (xorshift).
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Draws a number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() >> 11) as usize % bound
    }

    /// Changes a valid chunk in one to three places; `donor` is another valid chunk to take pieces
    /// from. Length and checksum are right again.
    pub fn mutate(&mut self, chunk: &[u8], donor: &[u8]) -> Vec<u8> {
        let mut body = body_of(chunk);
        let donor = body_of(donor);
        for _ in 0..=self.below(3) {
            match self.below(24) {
                0 => self.another_actor(&mut body),
                1 => self.another_dependency(&mut body),
                2 => self.graft(&mut body, &donor),
                3 => self.repeat(&mut body),
                4 => self.another_number(&mut body),
                _ => self.byte(&mut body),
            }
            if body.is_empty() {
                body.push(0);
            }
        }
        wrap(1, &body)
    }

    /// One byte: any value, an edge, a neighbour, a flipped bit, one more, one less.
    pub fn byte(&mut self, body: &mut Vec<u8>) {
        if body.is_empty() {
            body.push(0);
        }
        let at = self.below(body.len());
        match self.below(12) {
            0..=2 => body[at] = self.draw() as u8,
            3 => body[at] = EDGES[self.below(EDGES.len())],
            4 | 5 => body[at] = body[at].wrapping_add(1),
            6 | 7 => body[at] = body[at].wrapping_sub(1),
            8 | 9 => body[at] ^= 1 << self.below(8),
            10 => body.insert(at, self.draw() as u8),
            _ => drop(body.remove(at)),
        }
    }

    /// Where a body's actor begins, behind its dependencies; `None` when other changes moved it.
    fn actor_at(body: &[u8]) -> Option<usize> {
        if body.len() < 2 || body[..body.len().min(9)].iter().all(|b| *b >= 0x80) {
            return None;
        }
        let mut rest = body;
        let deps = usize::try_from(read_unsigned(&mut rest)).ok()?;
        let at = (body.len() - rest.len()).checked_add(deps.checked_mul(32)?)?;
        (body.get(at) == Some(&16) && body.len() > at + 17).then_some(at + 1)
    }

    fn another_actor(&mut self, body: &mut [u8]) {
        let actor = [self.below(12) as u8; 16];
        if let Some(at) = Self::actor_at(body) {
            body[at..at + 16].copy_from_slice(&actor);
        }
    }

    /// A dependency less, or one more that nobody has.
    fn another_dependency(&mut self, body: &mut Vec<u8>) {
        let Some(actor) = Self::actor_at(body) else { return };
        let mut rest = body.as_slice();
        let deps = read_unsigned(&mut rest);
        let from = body.len() - rest.len();
        let mut hashes = body[from..actor - 1].to_vec();
        match (self.below(2), deps) {
            (0, 1..) => hashes.truncate(hashes.len() - 32),
            _ => hashes.extend([self.draw() as u8; 32]),
        }
        let mut head = Vec::new();
        unsigned(&mut head, (hashes.len() / 32) as u64);
        head.extend(hashes);
        body.splice(..actor - 1, head);
    }

    /// A piece of the donor over a piece of the body.
    fn graft(&mut self, body: &mut Vec<u8>, donor: &[u8]) {
        let (from, at) = (self.below(donor.len()), self.below(body.len()));
        let length = 1 + self.below(24);
        let piece = &donor[from..donor.len().min(from + length)];
        let end = body.len().min(at + self.below(length + 1));
        body.splice(at..end, piece.iter().copied());
    }

    /// A piece twice.
    fn repeat(&mut self, body: &mut Vec<u8>) {
        let at = self.below(body.len());
        let end = body.len().min(at + 1 + self.below(40));
        let piece = body[at..end].to_vec();
        body.splice(at..at, piece);
    }

    /// A number at an edge of its width in the place of a byte.
    fn another_number(&mut self, body: &mut Vec<u8>) {
        let at = self.below(body.len());
        let number = (1_u64 << self.below(64)).wrapping_sub(self.draw() & 1);
        let mut bytes = Vec::new();
        unsigned(&mut bytes, number);
        body.splice(at..=at, bytes);
    }
}
