//! Answers the linker's request for OpenSSL with nothing, and stops a build without our flags.
//!
//! Outside Apple, `libsqlite3-sys` asks for a library called `crypto` whenever it bundles SQLCipher,
//! whichever provider SQLCipher was compiled for. An archive without members satisfies that, so no
//! machine needs OpenSSL to link. Rejected: pointing `OPENSSL_LIB_DIR` at a committed archive; it
//! puts an absolute path into the fingerprint of `libsqlite3-sys`, so that two checkouts sharing a
//! target directory would compile SQLite again and again.

use std::path::Path;
use std::{env, error, fs};

const FLAG: &str = "-DSQLCIPHER_CRYPTO_CUSTOM=lanewalk_sqlcipher_setup";

fn main() -> Result<(), Box<dyn error::Error>> {
    emit("rerun-if-changed=build.rs");
    emit("rerun-if-env-changed=LIBSQLITE3_FLAGS");

    // Cargo looks for .cargo/config.toml from the working directory upwards: a build started
    // elsewhere would take OpenSSL as provider, or stop at its missing header far from the cause.
    let flags = env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    if !flags.split_whitespace().any(|flag| flag == FLAG) {
        return Err(format!(
            "LIBSQLITE3_FLAGS lacks {FLAG}: run cargo inside the repository, whose .cargo/config.toml sets it"
        )
        .into());
    }

    if env::var("CARGO_CFG_TARGET_VENDOR").as_deref() != Ok("apple") {
        let folder = Path::new(&env::var("OUT_DIR")?).join("no-openssl");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("libcrypto.a"), b"!<arch>\n")?;
        emit(&format!("rustc-link-search=native={}", folder.display()));
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]
fn emit(line: &str) {
    println!("cargo:{line}");
}
