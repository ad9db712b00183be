//! Tests of the order rules.
