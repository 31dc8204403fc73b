//! One TLS configuration for all clients of a process that trust the same certificates.
//!
//! Every configuration trusts the roots that Mozilla does, compiled in: they cost no parsing, hardly any memory,
//! and are there on a machine that has no certificate store. Certificates of one's own come on top.

use std::format;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::vec::Vec;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::wire::{Error, ErrorKind, codes};

/// A TLS configuration, and what it is told apart by.
pub(super) struct Tls {
    extra_roots: Vec<CertificateDer<'static>>,
    /// Cloning what is inside shares what is large, the session cache included.
    pub(super) config: Arc<ClientConfig>,
}

/// The configurations in use. There is one, and one more for each set of extra certificates.
static IN_USE: Mutex<Vec<Weak<Tls>>> = Mutex::new(Vec::new());

impl Tls {
    /// The configuration that trusts these certificates beside the usual ones, made if there is none yet.
    pub(super) fn shared(mut extra_roots: Vec<CertificateDer<'static>>) -> Result<Arc<Tls>, Error> {
        extra_roots.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        extra_roots.dedup();
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|tls| tls.strong_count() > 0);
        if let Some(tls) = in_use.iter().filter_map(Weak::upgrade).find(|tls| tls.extra_roots == extra_roots) {
            return Ok(tls);
        }
        let config = Arc::new(config(&extra_roots)?);
        let tls = Arc::new(Tls { extra_roots, config });
        in_use.push(Arc::downgrade(&tls));
        Ok(tls)
    }
}

fn config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra_roots {
        roots.add(certificate.clone()).map_err(|error| unusable_certificate(&format!("{error}")))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::configuration(codes::INTERNAL, 500, format!("TLS cannot be set up: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates of a PEM file, one or more.
pub(super) fn certificates_of_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(unusable_certificate("the text holds none")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(unusable_certificate("the text is not PEM")),
    }
}

fn unusable_certificate(reason: &str) -> Error {
    let message = format!("root certificate: expected X.509 certificates in PEM or DER form: {reason}");
    Error::new(ErrorKind::Configuration, codes::BAD_REQUEST, 400, message)
}
