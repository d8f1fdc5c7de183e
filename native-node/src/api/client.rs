//! How a command asks the node that runs on its data directory.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::data_dir::{read_secret, write_atomic};
use crate::serve::layout;

/// What a running node leaves in its directory for commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningNode {
    /// The process.
    pub pid: u32,
    /// The node's peer id.
    pub peer: String,
    /// Where peers reach it.
    pub listen: SocketAddr,
    /// Where commands of this machine reach it.
    pub local: SocketAddr,
}

/// A node that runs on this machine.
pub struct NodeClient {
    node: RunningNode,
    token: Zeroizing<String>,
}

/// A node did not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// None runs there.
    #[error("no node runs in {}", .0.display())]
    NotRunning(PathBuf),
    /// Its token cannot be read.
    #[error("the node's token cannot be read: {0}")]
    Token(String),
    /// It does not answer.
    #[error("the node does not answer: {0}")]
    Unreachable(String),
    /// It said no.
    #[error("the node refused: {0}")]
    Refused(String),
    /// It said something that this release does not understand.
    #[error("the node's answer is not understood: {0}")]
    Answer(String),
}

impl RunningNode {
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        write_atomic(&directory.join(layout::RUNNING_NODE), &serde_json::to_vec(self)?, 0o600)
    }

    pub(crate) fn forget(directory: &Path) {
        // A file left behind leads commands to a port where nobody answers, which they say.
        let _ = std::fs::remove_file(directory.join(layout::RUNNING_NODE));
    }
}

impl NodeClient {
    /// Finds the node that runs on a data directory.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] or [`ClientError::Token`].
    pub fn find(data_dir: &Path) -> Result<Self, ClientError> {
        let directory = layout::node_dir(data_dir);
        let not_running = || ClientError::NotRunning(directory.clone());
        let bytes = std::fs::read(directory.join(layout::RUNNING_NODE)).map_err(|_| not_running())?;
        let node = serde_json::from_slice(&bytes).map_err(|_| not_running())?;
        let token = read_secret(&directory.join(layout::API_TOKEN)).map_err(|error| ClientError::Token(error.to_string()))?;
        let token = String::from_utf8(token).map_err(|_| ClientError::Token("it is not text".into()))?;
        Ok(Self { node, token: Zeroizing::new(token) })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, Body::empty()).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Answer(error.to_string()))?;
        self.ask(Method::POST, path, Body::from(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Body) -> Result<T, ClientError> {
        let asked = timeout(TIMEOUT, self.exchange(method, path, body)).await;
        let (ok, bytes) = asked.map_err(|_| ClientError::Unreachable("it took too long".into()))??;
        if ok {
            return serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer(error.to_string()));
        }
        let problem: Problem = serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer(error.to_string()))?;
        Err(ClientError::Refused(problem.detail))
    }

    async fn exchange(&self, method: Method, path: &str, body: Body) -> Result<(bool, Vec<u8>), ClientError> {
        let unreachable = |error: &dyn std::error::Error| ClientError::Unreachable(error.to_string());
        let tcp = TcpStream::connect(self.node.local).await.map_err(|error| unreachable(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.map_err(|error| unreachable(&error))?;
        let connection = tokio::spawn(connection);
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.trim()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.node.local.to_string())
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, bearer.as_str())
            .body(body)
            .map_err(|error| unreachable(&error))?;
        let response = sender.send_request(request).await.map_err(|error| unreachable(&error))?;
        let ok = response.status().is_success();
        let bytes = to_bytes(Body::new(response.into_body()), ANSWER).await.map_err(|error| unreachable(&error))?;
        connection.abort();
        Ok((ok, bytes.to_vec()))
    }
}

/// A node on this machine answers within this time or is not well.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer: ten thousand vaults with room to spare.
const ANSWER: usize = 16 << 20;
