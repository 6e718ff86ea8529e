//! Whose certificates are trusted: those of the system's authorities, and of those that a file names.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::web::network::NetworkError;

/// Most bytes of a file of authorities: those of the system are a quarter of a megabyte.
const MOST: u64 = 8 * 1024 * 1024;

/// TLS 1.2 and 1.3, with the authorities of the system and those in the file.
///
/// # Errors
/// The file cannot be read or has no certificates, or there are no authorities at all.
pub(crate) fn tls(file: Option<&Path>) -> Result<ClientConfig, NetworkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let more = file.map(authorities).transpose()?.unwrap_or_default();
    let client = |error: rustls::Error| NetworkError::Client(error.to_string());
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider)).map_err(client)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(client)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in a file, of which those that are no authority's count for nothing.
fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, NetworkError> {
    let none = || NetworkError::Authorities(file.to_owned());
    let text = mcc_files::read(file, MOST).map_err(|_| none())?;
    // Bundles of companies have been put together by hand for years: what is no certificate in them is left out.
    let all: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .flatten()
        .filter(|one| rustls::RootCertStore::empty().add(one.clone()).is_ok())
        .collect();
    if all.is_empty() { Err(none()) } else { Ok(all) }
}
