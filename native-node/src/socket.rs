//! Sockets: who may connect, how a connection becomes a stream of messages, and how such a stream drives a link.
//!
//! ```text
//!  listener -> gate -> TLS -> HTTP -> hosts and origins -> upgrade --+
//!                                                                    +--> link task <-> driver
//!  driver -> dialer -> TLS -> HTTP upgrade ---------------------------+
//! ```

pub mod dialer;
pub mod gate;
pub mod link_task;
pub mod listener;
pub mod origin;
pub mod tls;
pub mod upgrade;

use cachette_core::limits::SOCKET_MESSAGE_MAX;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A connection that carries whole binary messages.
pub type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Bytes in both directions: TCP, or TLS over it.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Which side of a connection this is: a node has many connections, a client a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It was called.
    Listener,
    /// It called.
    Dialer,
}

/// Returns the limits of a socket. A message of ours is one frame; fragments of a peer's are counted together.
#[must_use]
pub fn limits(side: Side) -> WebSocketConfig {
    let read_buffer = match side {
        Side::Listener => LISTENER_READ_BUFFER,
        Side::Dialer => DIALER_READ_BUFFER,
    };
    WebSocketConfig::default()
        .max_message_size(Some(SOCKET_MESSAGE_MAX))
        .max_frame_size(Some(SOCKET_MESSAGE_MAX))
        .read_buffer_size(read_buffer)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
}

/// Bytes read at once by a node: allocated for every connection, idle or not.
const LISTENER_READ_BUFFER: usize = 16 << 10;
/// Bytes read at once by a client: fewer system calls, and it has few connections.
const DIALER_READ_BUFFER: usize = 64 << 10;
/// Bytes that wait for the kernel: a message and control frames beside it; the link task writes no second message before they left.
const WRITE_BUFFER: usize = 2 * SOCKET_MESSAGE_MAX;
