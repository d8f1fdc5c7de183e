//! What is in force and why: a default, the configuration file, the environment, then flags, each over the one before.
//!
//! Every key stands once, in [`keys`]; a value travels as text until [`Config::value`] parses it, so whatever is wrong is reported
//! with the place where it came from.

pub mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use etcetera::BaseStrategy;
use thiserror::Error;

use self::keys::{KEYS, Key};

/// All settings with their sources.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that was read, or would be if it existed.
    file: PathBuf,
    values: BTreeMap<&'static str, Setting>,
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value as text; a list has one text for each element, an unset key none.
    pub texts: Vec<String>,
    /// Where the value came from.
    pub source: Source,
}

/// Where a value came from, in rising precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command.
    Flag(&'static str),
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file exists and cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file that was asked for does not exist.
    #[error("{0} does not exist")]
    NoSuchFile(PathBuf),
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {error}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
    },
    /// A key that no release knows.
    #[error("{path}: unknown key `{key}`")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong kind or form.
    #[error("{key} from {origin}: {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// Where the value came from.
        origin: Source,
        /// What is wrong with it.
        problem: String,
    },
    /// Neither HOME nor XDG directories are set.
    #[error("there is no home directory")]
    NoHome,
}

impl Config {
    /// Reads the file and the environment. With `file`, that one is read and must exist; else the one in the user's configuration
    /// directory, if it exists.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, is no TOML, or has a key that does not exist or a value of the wrong kind.
    pub fn load(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = Self::defaults()?;
        if let Some(file) = file {
            config.file = file.to_owned();
        }
        match std::fs::read_to_string(&config.file) {
            Ok(text) => config.take_file(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if let Some(file) = file {
                    return Err(ConfigError::NoSuchFile(file.to_owned()));
                }
            }
            Err(error) => return Err(ConfigError::Unreadable { path: config.file, error }),
        }
        config.take_environment(environment);
        Ok(config)
    }

    /// Returns what is in force where nobody said anything.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`].
    pub fn defaults() -> Result<Self, ConfigError> {
        let base = etcetera::choose_base_strategy().map_err(|_| ConfigError::NoHome)?;
        let mut values: BTreeMap<_, _> = KEYS
            .iter()
            .map(|key| {
                let texts = key.default.iter().map(|&text| text.to_owned()).collect();
                (key.name, Setting { texts, source: Source::Default })
            })
            .collect();
        let data = base.data_dir().join("cachette").to_string_lossy().into_owned();
        values.insert(keys::DATA_DIR, Setting { texts: vec![data], source: Source::Default });
        Ok(Self { file: base.config_dir().join("cachette").join("config.toml"), values })
    }

    /// Overrides a key by what flags say; says nothing when `texts` is empty.
    pub fn take_flag(&mut self, key: &'static str, flag: &'static str, texts: impl IntoIterator<Item = String>) {
        let texts: Vec<String> = texts.into_iter().collect();
        if !texts.is_empty() {
            self.set(key, Setting { texts, source: Source::Flag(flag) });
        }
    }

    /// Returns the file that was read, or would be if it existed.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Iterates over all settings in the order of the documentation.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Key, &Setting)> {
        KEYS.iter().map(|key| (key, self.setting(key.name)))
    }

    /// Returns one setting.
    ///
    /// # Panics
    /// When the key is not one of [`keys`].
    #[must_use]
    pub fn setting(&self, key: &str) -> &Setting {
        self.values.get(key).expect("invariant: keys are constants of `config::keys`, all of which have a setting")
    }

    /// Parses the value of a key that always has one.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn value<T: FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<T, ConfigError> {
        let missing = || ConfigError::Value { key, origin: self.setting(key).source.clone(), problem: "a value is needed".into() };
        self.optional(key)?.ok_or_else(missing)
    }

    /// Parses the value of a key that may have none.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn optional<T: FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<Option<T>, ConfigError> {
        let mut values = self.list(key)?;
        if values.len() > 1 {
            let problem = "one value is needed, not a list".into();
            return Err(ConfigError::Value { key, origin: self.setting(key).source.clone(), problem });
        }
        Ok(values.pop())
    }

    /// Parses the values of a list.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn list<T: FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<Vec<T>, ConfigError> {
        let setting = self.setting(key);
        let parse = |text: &String| {
            text.parse().map_err(|error| ConfigError::Value { key, origin: setting.source.clone(), problem: format!("`{text}`: {error}") })
        };
        setting.texts.iter().map(parse).collect()
    }

    fn set(&mut self, key: &'static str, setting: Setting) {
        self.values.insert(key, setting);
    }

    fn take_file(&mut self, text: &str) -> Result<(), ConfigError> {
        let path = self.file.clone();
        let table: toml::Table = text.parse().map_err(|error| ConfigError::Syntax { path: path.clone(), error: Box::new(error) })?;
        for (name, value) in table {
            match value {
                toml::Value::Table(section) => {
                    for (inner, value) in section {
                        self.take_file_value(&path, &format!("{name}.{inner}"), &value)?;
                    }
                }
                value => self.take_file_value(&path, &name, &value)?,
            }
        }
        Ok(())
    }

    fn take_file_value(&mut self, path: &Path, name: &str, value: &toml::Value) -> Result<(), ConfigError> {
        let Some(key) = keys::find(name) else {
            let nearest = keys::nearest(name);
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key: name.to_owned(), nearest });
        };
        let source = Source::File(path.to_owned());
        let texts = match value {
            toml::Value::Array(values) if key.many => values.iter().map(scalar).collect(),
            value => scalar(value).map(|text| vec![text]),
        };
        let Some(texts) = texts else {
            let problem = if key.many { "a list of texts is needed" } else { "a text or a number is needed" }.into();
            return Err(ConfigError::Value { key: key.name, origin: source, problem });
        };
        self.set(key.name, Setting { texts, source });
        Ok(())
    }

    fn take_environment(&mut self, environment: impl Fn(&str) -> Option<String>) {
        for key in KEYS {
            let variable = key.variable();
            let Some(text) = environment(&variable).filter(|text| !text.is_empty()) else { continue };
            let texts = if key.many {
                text.split(',').map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
            } else {
                vec![text]
            };
            self.set(key.name, Setting { texts, source: Source::Environment(variable) });
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "{variable}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("config.toml");
        std::fs::write(&file, text).expect("a file");
        Config::load(Some(&file), |name| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let text = "[serve]\nlisten = '127.0.0.1:1'\nname = 'attic'\nzone = 'cellar'\n";
        let mut config = with_file(text, &[("CACHETTE_SERVE_NAME", "paris"), ("CACHETTE_SERVE_ZONE", "lyon")]).expect("valid");
        config.take_flag(keys::ZONE, "--zone", ["rome".to_owned()]);
        config.take_flag(keys::NAME, "--name", []);
        let sources: Vec<String> =
            [keys::ZONE, keys::NAME, keys::LISTEN, keys::RESERVE].map(|key| config.setting(key).source.to_string()).into();
        assert_eq!(config.setting(keys::ZONE).texts, ["rome"]);
        assert_eq!(config.setting(keys::NAME).texts, ["paris"]);
        assert_eq!(sources[..2], ["--zone", "CACHETTE_SERVE_NAME"]);
        assert!(sources[2].ends_with("config.toml"));
        assert_eq!(sources[3], "default");
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_likely_one_is_named() {
        let error = with_file("[serve]\nlissen = '127.0.0.1:1'\n", &[]).expect_err("unknown");
        assert!(matches!(&error, ConfigError::UnknownKey { key, nearest: Some("serve.listen"), .. } if key == "serve.lissen"), "{error}");
        assert!(matches!(with_file("[serve]\nlisten = [1]\n", &[]), Err(ConfigError::Value { .. })));
        assert!(matches!(with_file("[serve\n", &[]), Err(ConfigError::Syntax { .. })));
        assert!(matches!(with_file("[[serve]]\nname = 'x'\n", &[]), Err(ConfigError::UnknownKey { .. })));
    }

    #[test]
    fn a_wrong_value_says_where_it_came_from() {
        let config = with_file("", &[("CACHETTE_SERVE_LISTEN", "nonsense")]).expect("parsed later");
        let error = config.value::<std::net::SocketAddr>(keys::LISTEN).expect_err("not an address").to_string();
        assert!(error.starts_with("serve.listen from CACHETTE_SERVE_LISTEN: `nonsense`: "), "{error}");
    }

    #[test]
    fn lists_come_from_arrays_and_from_commas() {
        let config = with_file("[serve]\nallow_origins = ['https://a.example', 'https://b.example']\n", &[]).expect("valid");
        assert_eq!(config.setting(keys::ALLOW_ORIGINS).texts.len(), 2);
        let config = with_file("", &[("CACHETTE_SERVE_ALLOW_ORIGINS", "https://a.example, https://b.example,")]).expect("valid");
        assert_eq!(config.list::<String>(keys::ALLOW_ORIGINS).expect("texts"), ["https://a.example", "https://b.example"]);
    }

    #[test]
    fn every_default_is_accepted_by_what_reads_it() {
        let config = Config::defaults().expect("a home");
        crate::serve::Settings::from_config(&config).expect("defaults are valid");
    }

    #[test]
    fn a_file_that_was_asked_for_must_exist() {
        assert!(matches!(Config::load(Some(Path::new("/nonexistent/cachette.toml")), |_| None), Err(ConfigError::NoSuchFile(_))));
    }
}
