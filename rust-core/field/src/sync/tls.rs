//! Is this headquarters' TLS?
//!
//! Invariant: with pins the server's key decides and nothing else: no name, no date, no certificate
//! above it; the handshake proves that the server holds the key. A phone whose clock is years off
//! still reaches headquarters. Without pins the roots given count, as in a browser. Rejected: the
//! platform's verifier, which needs an initialisation on Android that a core cannot do.

use super::TransportError;
use lanewalk_protocol::pins::Pins;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{error::Error, sync::Arc};

/// Whom a phone takes for headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A server with a certificate of the public roots.
    Public,
    /// One with a certificate of this root (DER): a proxy with a CA of the town.
    Root(Vec<u8>),
    /// One with one of these keys.
    Pins(Pins),
}

impl Trust {
    /// Pins count before a root of the shell's, that before the public ones.
    pub(super) fn of(pins: Option<&Pins>, root: Option<&[u8]>) -> Self {
        match (pins.filter(|p| !p.is_empty()), root) {
            (Some(pins), _) => Self::Pins(pins.clone()),
            (None, Some(root)) => Self::Root(root.to_vec()),
            (None, None) => Self::Public,
        }
    }
}

/// Makes the settings of a connection.
pub(super) fn client(trust: &Trust) -> Result<ClientConfig, TransportError> {
    let unusable = |e: rustls::Error| TransportError::Unreachable { detail: e.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Pins(pins) => {
            let verifier = Arc::new(Pinned { pins: pins.clone(), schemes });
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        }
        Trust::Root(der) => roots.add(CertificateDer::from(der.clone())).map_err(unusable)?,
        Trust::Public => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Says whether a connection failed because the server is somebody else.
pub(super) fn is_stranger(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        // An I/O error's source is that of what it wraps, so what it wraps is looked at here.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// Takes a server for headquarters by its key alone.
#[derive(Debug)]
struct Pinned {
    pins: Pins,
    schemes: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if self.pins.hold(&key) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}
