//! Any bytes are read as what headquarters gives: receipts, beacons, leases, refusals.

use lanewalk_model::{clock_trust, time::TimeMs};
use lanewalk_protocol::{
    enrolment::EnrolResponse,
    entry::AnchorRef,
    keys::{Algorithm, SoftSigner},
    receipt::{Beacon, ErrorBody, Lease, Receipt},
    upload::FileReceipt,
};

/// No bytes are a receipt that headquarters did not sign; any anchor can be judged.
pub(crate) fn check(data: &[u8]) {
    if let Ok(receipt) = minicbor::decode::<Receipt>(data) {
        let written = minicbor::to_vec(&receipt).expect("writes");
        assert_eq!(minicbor::decode::<Receipt>(&written).ok().as_ref(), Some(&receipt));
        let _ = receipt.verify(&stranger());
    }
    if let Ok(receipt) = minicbor::decode::<FileReceipt>(data) {
        let _ = receipt.verify(&stranger());
    }
    if let Ok(anchor) = minicbor::decode::<AnchorRef>(data) {
        let (wall, now) = (TimeMs(anchor.hq_time.wrapping_mul(3)), TimeMs(anchor.hq_time.wrapping_add(1)));
        let judged = clock_trust::judge(wall, anchor.mono_at.wrapping_add(9), Some(&anchor.anchor()), now);
        assert!(judged.effective_at <= now);
    }
    let _ = minicbor::decode::<Beacon>(data);
    let _ = minicbor::decode::<EnrolResponse>(data);
    let _ = minicbor::decode::<ErrorBody>(data);
    let _ = minicbor::decode::<Lease>(data).map(|lease| lease.subject());
}

fn stranger() -> lanewalk_protocol::keys::PublicKey {
    SoftSigner::new(Algorithm::Ed25519, &[9; 32]).expect("a key").public_key()
}
