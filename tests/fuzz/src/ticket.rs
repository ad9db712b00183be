//! Any text is read as the words of a QR code, any bytes as an enrolment.

use lanewalk_protocol::enrolment::{EnrolRequest, Invitation};

/// An invitation has one spelling.
pub(crate) fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(invitation) = Invitation::from_text(text)
    {
        assert_eq!(Invitation::from_text(&invitation.to_text()), Ok(invitation));
    }
    if let Ok(request) = minicbor::decode::<EnrolRequest>(data) {
        let _ = request.verify();
    }
}
