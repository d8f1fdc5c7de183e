//! The operator's bearer token.

use std::path::Path;

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::data_dir::{SecretFileError, read_secret, write_secret};

/// A token, kept as a hash: comparing hashes takes the same time whatever is wrong.
pub struct ApiToken(blake3::Hash);

impl ApiToken {
    /// Reads the token of a node that has one, or makes one.
    ///
    /// # Errors
    /// [`SecretFileError`] when others can read the file, or the disk or the system's entropy fails.
    pub fn open(path: &Path) -> Result<Self, SecretFileError> {
        if !path.exists() {
            let fault = |error: getrandom::Error| SecretFileError::Io { path: path.to_owned(), source: error.into() };
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(bytes.as_mut()).map_err(fault)?;
            write_secret(path, Zeroizing::new(HEXLOWER.encode(bytes.as_ref())).as_bytes())?;
        }
        let text = Zeroizing::new(read_secret(path)?);
        Ok(Self(blake3::hash(text.trim_ascii())))
    }

    /// Says whether a request brings the token.
    ///
    /// # Errors
    /// A problem with status 401.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let refuse = |detail: &str| {
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
                .hint("the token is in the file api-token of the node's data directory")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        };
        let brought = headers.get(AUTHORIZATION).ok_or_else(|| refuse("a bearer token is needed"))?;
        let token = brought.as_bytes().strip_prefix(b"Bearer ").ok_or_else(|| refuse("a bearer token is needed"))?;
        if blake3::hash(token.trim_ascii()) == self.0 { Ok(()) } else { Err(refuse("the bearer token is wrong")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::try_from(text).expect("a header value"));
        headers
    }

    #[test]
    fn the_token_is_made_once_and_nothing_else_opens() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("api-token");
        ApiToken::open(&path).expect("made");
        let text = String::from_utf8(read_secret(&path).expect("private")).expect("text");
        let token = ApiToken::open(&path).expect("read");
        assert_eq!(text.len(), 64);
        assert_eq!(token.check(&bearer(&format!("Bearer {text}"))), Ok(()));
        for wrong in ["Bearer ", "Bearer", "Basic dXNlcg==", &text, &format!("Bearer {text}0"), &format!("Bearer {}", &text[..63])] {
            assert_eq!(token.check(&bearer(wrong)).expect_err("refused").status, 401, "{wrong}");
        }
        assert_eq!(token.check(&HeaderMap::new()).expect_err("refused").status, 401);
    }
}
