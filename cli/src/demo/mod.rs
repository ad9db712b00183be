//! stub
use crate::words::Failure;
use std::{path::Path, process::ExitCode};
/// Arguments.
#[derive(clap::Args, Default)]
pub(crate) struct DemoArgs {}
pub(crate) fn run(_: &DemoArgs) -> Result<ExitCode, Failure> { Ok(ExitCode::SUCCESS) }
pub(crate) fn child_main(_: &Path) -> Result<(), Failure> { Ok(()) }
