//! A certificate authority that exists for one sandbox, and signs one certificate for this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::vec::Vec;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

pub(super) struct Identity {
    pub(super) config: Arc<ServerConfig>,
    pub(super) root_pem: String,
    pub(super) root_der: Vec<u8>,
}

/// Makes an authority, whose key is thrown away at once, and a server with a certificate of it for `localhost`
/// and the loopback addresses.
pub(super) fn make_identity(host: IpAddr) -> io::Result<Identity> {
    let mut authority = params("ably-auth sandbox CA")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign].into();
    let authority_key = KeyPair::generate().map_err(io::Error::other)?;
    let root = authority.self_signed(&authority_key).map_err(io::Error::other)?;

    let mut server = params("ably-auth sandbox")?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = [KeyUsagePurpose::DigitalSignature].into();
    server.extended_key_usages = [rcgen::ExtendedKeyUsagePurpose::ServerAuth].into();
    let localhost = "localhost".try_into().map_err(io::Error::other)?;
    server.subject_alt_names = [
        SanType::DnsName(localhost),
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        SanType::IpAddress(host),
    ]
    .into();
    let server_key = KeyPair::generate().map_err(io::Error::other)?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = server.signed_by(&server_key, &issuer).map_err(io::Error::other)?;

    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let key = PrivatePkcs8KeyDer::from(server_key.serialize_der());
            builder.with_no_client_auth().with_single_cert([certificate.der().clone()].into(), key.into())
        })
        .map_err(io::Error::other)?;
    Ok(Identity { config: Arc::new(config), root_pem: root.pem(), root_der: root.der().to_vec() })
}

fn params(name: &str) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, name.to_string());
    Ok(params)
}

/// A seed from the operating system.
pub(super) fn random_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let random = ring::default_provider().secure_random;
    random.fill(&mut seed).map_err(|_| io::Error::other("the operating system gives no randomness"))?;
    Ok(seed)
}
