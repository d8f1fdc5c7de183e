//! Names and paths inside a vault.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::limits::{NAME_MAX, PATH_DEPTH};

/// The name of a directory entry: 1 to 255 bytes, ordered by its bytes. Not always UTF-8, because Unix names are not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

/// A place in a vault: names from the root on. The root itself is the empty path.
///
/// Ordered so that what lies in a directory follows the directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Name>);

/// Bytes are not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// No bytes.
    #[error("a name is empty")]
    Empty,
    /// More than [`NAME_MAX`] bytes.
    #[error("a name of {0} bytes is longer than the 255 allowed")]
    TooLong(usize),
    /// `.` or `..`.
    #[error("`.` and `..` are not names")]
    Dots,
    /// `/` or the zero byte.
    #[error("a name holds a slash or a zero byte")]
    ForbiddenByte,
}

/// A text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// One of its names is none.
    #[error("{0}")]
    Name(#[from] NameError),
    /// More than [`PATH_DEPTH`] names.
    #[error("a path of {0} names is deeper than the 64 allowed")]
    TooDeep(usize),
}

impl Name {
    /// Takes the bytes of a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        match bytes {
            [] => Err(NameError::Empty),
            _ if bytes.len() > NAME_MAX => Err(NameError::TooLong(bytes.len())),
            b"." | b".." => Err(NameError::Dots),
            _ if bytes.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(NameError::ForbiddenByte),
            _ => Ok(Self(bytes.into())),
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name as text, when it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Path {
    /// Returns the root.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Takes names from the root on.
    ///
    /// # Errors
    /// [`PathError::TooDeep`].
    pub fn new(names: Vec<Name>) -> Result<Self, PathError> {
        if names.len() <= PATH_DEPTH { Ok(Self(names)) } else { Err(PathError::TooDeep(names.len())) }
    }

    /// Understands what a person typed: names between slashes; one slash before and one behind are allowed.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let text = text.as_ref();
        let text = text.strip_prefix(b"/").unwrap_or(text);
        let text = text.strip_suffix(b"/").unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::root());
        }
        let names = text.split(|byte| *byte == b'/').map(Name::new).collect::<Result<Vec<_>, _>>()?;
        Self::new(names)
    }

    /// Returns the path of an entry of this directory.
    ///
    /// # Errors
    /// [`PathError::TooDeep`].
    pub fn join(&self, name: Name) -> Result<Self, PathError> {
        let mut names = self.0.clone();
        names.push(name);
        Self::new(names)
    }

    /// Returns the directory in which the path's last name stands; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, parents)| Self(parents.to_vec()))
    }

    /// Returns the directory `depth` names below the root on the way to this path.
    #[must_use]
    pub fn ancestor(&self, depth: usize) -> Self {
        Self(self.0.iter().take(depth).cloned().collect())
    }

    /// Returns the last name; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.0.last()
    }

    /// Returns the names from the root on.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.0
    }

    /// Says whether this is the root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether the path lies in `dir`, however deep, or is `dir` itself.
    #[must_use]
    pub fn starts_with(&self, dir: &Self) -> bool {
        self.0.starts_with(&dir.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("/");
        }
        for (at, name) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            fmt::Display::fmt(name, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(serde_bytes::ByteBuf::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
