//! Bodies of forms: fields and files, both bounded.
//!
//! Invariant: at most [`MAX_FORM_BYTES`] and [`MAX_FIELDS`] of a form are ever in memory. Rejected:
//! files on the disk meanwhile; the largest that anybody sends is a spreadsheet of orders.

use crate::{
    console::web::{Fields, Upload},
    server::plain,
};
use axum::{
    RequestExt as _,
    body::to_bytes,
    extract::{Multipart, Request},
    http::StatusCode,
    response::Response,
};

/// Bytes of one form with its files.
pub(super) const MAX_FORM_BYTES: usize = 24 << 20;
/// Fields of one form.
const MAX_FIELDS: usize = 2_000;
/// Files of one form.
const MAX_FILES: usize = 40;

/// Returns a path with its percent signs resolved; `None` when it is no text.
pub(super) fn decoded(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digit = |b: Option<u8>| char::from(b?).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        out.push(high * 16 + low);
    }
    String::from_utf8(out).ok().filter(|path| !path.contains('\0'))
}

/// Reads a form. The refusal is an answer with a status of its own.
pub(super) async fn read(request: Request) -> Result<(Fields, Vec<Upload>), Response> {
    let kind = request.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let body = to_bytes(request.into_body(), MAX_FORM_BYTES).await.map_err(|_| too_large())?;
            // Counted before they are taken apart: a byte of form can become many of memory.
            if body.iter().filter(|b| **b == b'&').count() >= MAX_FIELDS {
                return Err(too_large());
            }
            Ok((Fields::parse(&body), Vec::new()))
        }
        "multipart/form-data" => parts(request).await,
        // A button without fields.
        "" => Ok((Fields::default(), Vec::new())),
        _ => Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not a form")),
    }
}

async fn parts(request: Request) -> Result<(Fields, Vec<Upload>), Response> {
    let malformed = || plain(StatusCode::BAD_REQUEST, "malformed form");
    let mut multipart: Multipart = request.extract().await.map_err(|_| malformed())?;
    let (mut fields, mut files) = (Fields::default(), Vec::new());
    loop {
        let part = multipart.next_field().await.map_err(|e| plain(e.status(), "malformed form"))?;
        let Some(part) = part else { return Ok((fields, files)) };
        if fields.0.len() >= MAX_FIELDS || files.len() >= MAX_FILES {
            return Err(too_large());
        }
        let field = part.name().unwrap_or_default().to_owned();
        let name = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|e| plain(e.status(), "malformed form"))?;
        match name {
            // A file field that nobody filled comes without a name and without bytes.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(name) => files.push(Upload { field, name, bytes: bytes.to_vec() }),
            None => fields.0.push((field, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
}

fn too_large() -> Response {
    plain(StatusCode::PAYLOAD_TOO_LARGE, "too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_or_not_taken() {
        for (path, want) in [
            ("/orders/order%3A00", Some("/orders/order:00")),
            ("/%E8%A1%97", Some("/街")),
            ("/%ff", None),
            ("/%0", None),
            ("/%zz", None),
            ("/a%00b", None),
            ("/", Some("/")),
        ] {
            assert_eq!(decoded(path).as_deref(), want, "{path}");
        }
    }
}
