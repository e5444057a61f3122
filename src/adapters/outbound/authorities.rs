//! The authorities whose certificates count: those of the system, or of `SSL_CERT_FILE` in their place, and those of
//! `AWS_CA_BUNDLE` besides.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The variable that names authorities for AWS, which a company's inspecting proxy uses for all else as well.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// Characters in a line of PEM (RFC 7468, section 2).
const PEM_LINE: usize = 64;

/// Those of the system, once they were read: they are a file or two for each authority.
static SYSTEM: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();

fn system() -> Result<&'static [CertificateDer<'static>], String> {
    if let Some(read) = SYSTEM.get() {
        return Ok(read);
    }
    let mut native = rustls_native_certs::load_native_certs();
    let usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    native.certs.retain(usable);
    if native.certs.is_empty() {
        // Whoever installs some is served without a restart.
        let why = native.errors.first();
        let why = why.map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!(
            "this machine has no usable root certificates{why}; install ca-certificates, or name a file with SSL_CERT_FILE"
        ));
    }
    Ok(SYSTEM.get_or_init(|| native.certs))
}

/// All authorities, each usable.
///
/// # Errors
/// Says what is wrong with the files that the environment names, or that there are none.
pub(crate) fn all() -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = system()?.to_vec();
    all.extend(bundle()?);
    Ok(all)
}

/// The same for rustls.
///
/// # Errors
/// As [`all`].
pub(crate) fn trusted() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(all()?);
    Ok(roots)
}

/// The same as a file would hold them.
///
/// # Errors
/// As [`all`].
pub(crate) fn pem() -> Result<Vec<u8>, String> {
    let mut pem = String::new();
    for certificate in all()? {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = BASE64_STANDARD.encode(&certificate);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, left) = rest.split_at(rest.len().min(PEM_LINE));
            pem.push_str(line);
            pem.push('\n');
            rest = left;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    Ok(pem.into_bytes())
}

/// All authorities, and those of a file that `setting` names. A machine that has none of its own takes those alone.
///
/// # Errors
/// Says what is wrong with the file.
pub(super) fn trusted_with(setting: &str, file: &Path) -> Result<RootCertStore, String> {
    let mut roots = trusted().unwrap_or_else(|_| RootCertStore::empty());
    for certificate in named(setting, file)? {
        roots
            .add(certificate)
            .map_err(|error| format!("{setting} holds a certificate that cannot be used: {error}"))?;
    }
    Ok(roots)
}

/// The authorities of `AWS_CA_BUNDLE`, each usable.
///
/// # Errors
/// Says what is wrong with the file.
fn bundle() -> Result<Vec<CertificateDer<'static>>, String> {
    bundle_of(std::env::var_os(BUNDLE))
}

pub(super) fn bundle_of(path: Option<OsString>) -> Result<Vec<CertificateDer<'static>>, String> {
    match path.filter(|path| !path.is_empty()) {
        Some(path) => named(BUNDLE, Path::new(&path)),
        None => Ok(Vec::new()),
    }
}

/// The authorities of a file that `setting` names, each usable.
fn named(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: &str| format!("{setting} names {}, which {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
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

/// What to do when a connection failed because the far end's authority is not trusted; `None` if that is not why. It will not be
/// trusted in a second either.
pub(in crate::adapters) fn untrusted(why: &str) -> Option<&'static str> {
    why.contains("UnknownIssuer").then_some(
        "the authority of its certificate is not trusted here; name a file that holds it with SSL_CERT_FILE or AWS_CA_BUNDLE (often \
         it is that of a proxy that inspects TLS)",
    )
}
