//! Calls peers: from an address to a socket on which nobody has proven anything yet.

use std::io;
use std::path::Path;
use std::time::Duration;

use cachette_core::address::Address;
use cachette_core::node::DialError;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tracing::warn;

use super::tls::{TlsError, connector};
use super::{Duplex, Side, Socket, limits};

/// Opens sockets to peers.
#[derive(Clone)]
pub struct Dialer {
    tls: TlsConnector,
}

impl Dialer {
    /// Sets up trust: public certificate authorities and those in `ca_file`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        Ok(Self { tls: connector(ca_file)? })
    }

    /// Calls an address. Without TLS and without a peer id only this machine is called, for nobody could say who answers elsewhere.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn call(&self, address: &Address) -> Result<Socket, DialError> {
        if !address.secure && address.peer.is_none() && !address.is_loopback() {
            return Err(DialError::NoAddress);
        }
        timeout(CALL_TIMEOUT, self.open(address)).await.unwrap_or(Err(DialError::TimedOut))
    }

    async fn open(&self, address: &Address) -> Result<Socket, DialError> {
        let tcp = connect(address).await?;
        // Without it a small frame may wait 40 ms for an acknowledgement; a socket that refuses the option works all the same.
        let _ = tcp.set_nodelay(true);
        let io: Box<dyn Duplex> = if address.secure {
            let name = ServerName::try_from(address.host.clone()).map_err(|_| DialError::NoAddress)?;
            let connected = self.tls.connect(name, tcp).await.inspect_err(|error| {
                if let Some(why) = distrust(error) {
                    warn!("{} cannot prove who it is: {why}", address.url());
                }
            });
            Box::new(connected.map_err(|_| DialError::Tls)?)
        } else {
            Box::new(tcp)
        };
        let request = format!("{}/peer", address.url()).into_client_request().map_err(|_| DialError::NoAddress)?;
        match client_async_with_config(request, io, Some(limits(Side::Dialer))).await {
            Ok((socket, _)) => Ok(socket),
            Err(SocketError::Http(response)) if response.status().as_u16() == 503 => Err(DialError::Refused),
            Err(_) => Err(DialError::NotANode),
        }
    }
}

/// Tries every IP address of a host in the resolver's order.
async fn connect(address: &Address) -> Result<TcpStream, DialError> {
    let resolved = lookup_host((address.host.as_str(), address.port)).await.map_err(|_| DialError::NoRoute)?;
    let mut failure = DialError::NoRoute;
    for ip in resolved {
        // What was let through because it stays on this machine must do so whatever the resolver says.
        if address.is_loopback() && !ip.ip().to_canonical().is_loopback() {
            continue;
        }
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(ip)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => failure = dial_error(&error),
            Err(_) => failure = DialError::TimedOut,
        }
    }
    Err(failure)
}

/// Says why a certificate is not trusted and what to do about it; nothing where TLS failed for another reason.
fn distrust(error: &io::Error) -> Option<&'static str> {
    use rustls::{CertificateError as Certificate, Error};
    let Some(Error::InvalidCertificate(error)) = error.get_ref()?.downcast_ref::<Error>() else { return None };
    Some(match error {
        Certificate::UnknownIssuer => {
            "nobody who is trusted here issued its certificate; if an authority of your own did, name its file in network.ca_file"
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => "its certificate is for another host name",
        Certificate::Expired | Certificate::ExpiredContext { .. } => "its certificate has expired; its operator has to renew it",
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is the clock of this machine right?"
        }
        Certificate::Revoked => "its certificate was revoked",
        _ => "its certificate is not in order",
    })
}

fn dial_error(error: &io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => DialError::Refused,
        io::ErrorKind::TimedOut => DialError::TimedOut,
        _ => DialError::NoRoute,
    }
}

/// A call takes no longer than this, whatever it goes through.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// One IP address gets this long before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use cachette_core::id::PeerId;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn call(text: &str) -> Result<Socket, DialError> {
        Dialer::new(None).expect("public roots").call(&Address::of(PeerId([1; 32]), text).expect("valid")).await
    }

    #[tokio::test]
    async fn g03_without_tls_and_id_only_this_machine_is_called() {
        let elsewhere = Address { secure: false, host: "192.0.2.1".into(), port: 1, peer: None };
        assert_eq!(Dialer::new(None).expect("public roots").call(&elsewhere).await.err(), Some(DialError::NoAddress));
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_said_with_its_reason() {
        use rustls::{CertificateError as Certificate, Error};
        let said = |error: Error| distrust(&io::Error::new(io::ErrorKind::InvalidData, error));
        let of = |error: Certificate| said(Error::InvalidCertificate(error)).unwrap_or_default();
        assert!(of(Certificate::UnknownIssuer).contains("network.ca_file"));
        assert!(of(Certificate::NotValidForName).contains("another host name"));
        assert!(of(Certificate::Expired).contains("expired"));
        assert_eq!(said(Error::DecryptError), None, "a broken line says nothing of the certificate");
    }

    #[tokio::test]
    async fn a_call_that_comes_to_nothing_says_why() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.expect("accepted");
                tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.expect("written");
            }
        });
        assert_eq!(call(&format!("ws://127.0.0.1:{port}")).await.err(), Some(DialError::NotANode));
        assert_eq!(call(&format!("wss://127.0.0.1:{port}")).await.err(), Some(DialError::Tls));

        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound").port();
        assert_eq!(call(&format!("ws://127.0.0.1:{free}")).await.err(), Some(DialError::Refused));
        assert_eq!(call("ws://host.invalid:1").await.err(), Some(DialError::NoRoute));
    }
}
