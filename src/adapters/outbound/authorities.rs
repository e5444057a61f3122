//! The authorities whose certificates count: those of the system, or of `SSL_CERT_FILE` in their place, and those of
//! `AWS_CA_BUNDLE` besides.

use std::ffi::OsString;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The variable that names authorities for AWS, which a company's inspecting proxy uses for all else as well.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// All authorities.
///
/// # Errors
/// Says what is wrong with the files that the environment names, or that there are none.
pub(crate) fn trusted() -> Result<RootCertStore, String> {
    let native = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        let why = native
            .errors
            .first()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        return Err(format!(
            "this machine has no usable root certificates{why}; install ca-certificates, or name a file with SSL_CERT_FILE"
        ));
    }
    for certificate in bundle()? {
        roots
            .add(certificate)
            .map_err(|error| format!("{BUNDLE} holds a certificate that cannot be used: {error}"))?;
    }
    Ok(roots)
}

/// The authorities of `AWS_CA_BUNDLE`, each usable.
///
/// # Errors
/// Says what is wrong with the file.
pub(crate) fn bundle() -> Result<Vec<CertificateDer<'static>>, String> {
    bundle_of(std::env::var_os(BUNDLE))
}

pub(super) fn bundle_of(path: Option<OsString>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = path.filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(Vec::new());
    };
    let wrong = |why: &str| format!("{BUNDLE} names {}, which {why}", path.display());
    let pem = std::fs::read(&path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|_| wrong("is not a file of certificates in PEM form"))?;
    if certificates.is_empty() {
        return Err(wrong("holds no certificate in PEM form"));
    }
    let mut trial = RootCertStore::empty();
    for certificate in &certificates {
        let added = trial.add(certificate.clone());
        added.map_err(|error| wrong(&format!("holds a certificate that cannot be used: {error}")))?;
    }
    Ok(certificates)
}

/// The file of `AWS_CA_BUNDLE`, if all in it is usable.
///
/// # Errors
/// As [`bundle`].
pub(crate) fn bundle_pem() -> Result<Option<Vec<u8>>, String> {
    if bundle()?.is_empty() {
        return Ok(None);
    }
    let path = std::env::var_os(BUNDLE).unwrap_or_default();
    std::fs::read(path)
        .map(Some)
        .map_err(|error| format!("{BUNDLE} cannot be read: {error}"))
}

/// What to do when a connection failed because the far end's authority is not trusted; `None` if that is not why. It will not be
/// trusted in a second either.
pub(in crate::adapters) fn untrusted(why: &str) -> Option<&'static str> {
    why.contains("UnknownIssuer").then_some(
        "the authority of its certificate is not trusted here; name a file that holds it with SSL_CERT_FILE or AWS_CA_BUNDLE (often \
         it is that of a proxy that inspects TLS)",
    )
}
