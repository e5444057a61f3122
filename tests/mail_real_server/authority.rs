//! A certificate of an authority that nobody knows, for servers on this machine.

use std::path::Path;
use std::process::Command;

use crate::venv::venv;

const SCRIPT: &str = r#"
import sys, trustme
authority = trustme.CA()
authority.cert_pem.write_to_path(sys.argv[1] + "/ca.pem")
certificate = authority.issue_cert("localhost")
certificate.private_key_pem.write_to_path(sys.argv[1] + "/key.pem")
certificate.cert_chain_pems[0].write_to_path(sys.argv[1] + "/cert.pem")
"#;

/// Writes `ca.pem`, and `cert.pem` with `key.pem` for `localhost`.
///
/// # Panics
/// Python is missing, or the packages cannot be installed.
pub(crate) fn write(directory: &Path) {
    let venv = venv("aiosmtpd", &super::aiosmtpd::PACKAGES);
    let made = Command::new(venv.join("bin/python"))
        .args(["-c", SCRIPT])
        .arg(directory)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "no certificate was made");
}
