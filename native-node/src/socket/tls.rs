//! TLS on both sides: a node's certificate, read again when asked, and a client's trust.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where a node's certificate chain and private key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the node's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A node's side of TLS.
#[derive(Debug)]
pub struct ServerTls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

/// TLS cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or holds no PEM of the kind needed.
    #[error("{path}: {problem}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key do not go together or are of a kind that is not supported.
    #[error("the TLS certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl ServerTls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = RwLock::new(server_config(&files)?);
        Ok(Self { files, config })
    }

    /// Reads certificate and key again; new connections get the new one. On an error everything stays as it was.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = server_config(&self.files)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Returns what accepts connections now.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Returns what opens connections: trusts the public certificate authorities and those in `ca_file`.
///
/// # Errors
/// [`TlsError`].
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate)?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP_1.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsError::File { path: files.key.clone(), problem: format!("no private key can be read: {error}") })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP_1.to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |problem: String| TlsError::File { path: path.to_owned(), problem };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain = read.map_err(|error| fault(format!("no certificate can be read: {error}")))?;
    if chain.is_empty() { Err(fault("holds no certificate".into())) } else { Ok(chain) }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The only protocol spoken inside: a WebSocket begins as HTTP/1.1.
const HTTP_1: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(directory: &Path) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let files = TlsFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") };
        std::fs::write(&files.certificate, made.cert.pem()).expect("written");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
        files
    }

    #[test]
    fn a_broken_certificate_changes_nothing_on_reload() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = write_pair(directory.path());
        let tls = ServerTls::load(files.clone()).expect("a valid pair");
        let before = Arc::clone(&tls.config.read().expect("not poisoned"));
        std::fs::write(&files.certificate, "nonsense").expect("written");
        assert!(matches!(tls.reload(), Err(TlsError::File { .. })));
        assert!(Arc::ptr_eq(&before, &tls.config.read().expect("not poisoned")));
        write_pair(directory.path());
        tls.reload().expect("a valid pair");
        assert!(!Arc::ptr_eq(&before, &tls.config.read().expect("not poisoned")));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let mixed = TlsFiles { key: write_pair(other.path()).key, ..write_pair(one.path()) };
        assert!(matches!(ServerTls::load(mixed), Err(TlsError::Unusable(_))));
        assert!(matches!(connector(Some(&one.path().join("absent.pem"))), Err(TlsError::File { .. })));
    }
}
