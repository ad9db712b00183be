//! enrolment.
