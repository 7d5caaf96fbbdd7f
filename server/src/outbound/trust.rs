//! Certificate verification for TLS connections to other servers: the system's trusted roots.
//!
//! Knows certificates; connects to nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// The certificates that the system trusts, and those of the files or folders that are named.
///
/// # Errors
/// For people: there are none.
pub fn trusted(others: impl IntoIterator<Item = PathBuf>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let mut found = rustls_native_certs::load_native_certs().certs;
    for path in others {
        let is_folder = path.is_dir();
        let (file, folder) = (Some(&*path).filter(|_| !is_folder), Some(&*path).filter(|_| is_folder));
        found.extend(rustls_native_certs::load_certs_from_paths(file, folder).certs);
    }
    let (added, _) = roots.add_parsable_certificates(found);
    match added {
        0 => Err("this server has no certificates that it trusts; install the system's (ca-certificates)".to_owned()),
        _ => Ok(roots),
    }
}

/// How a client that believes these speaks: HTTP/1.1 over TLS 1.2 or 1.3.
///
/// # Errors
/// For people: the library cannot.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
