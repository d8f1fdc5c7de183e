//! `cachette config`.

use serde::Serialize;

use super::Context;
use super::error::CliError;

/// Shows what is in force and where each value came from
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Shown<'a> {
    event: &'static str,
    key: &'static str,
    value: &'a [String],
    source: String,
    variable: String,
    about: &'static str,
}

impl Args {
    #[expect(clippy::unused_self, reason = "every command runs by its arguments, and this one may get some")]
    pub(super) fn run(&self, context: &Context) -> Result<(), CliError> {
        let Context { config, output } = context;
        // What cannot be used must not be shown as if it were in force.
        crate::serve::Settings::from_config(config)?;
        output.note(&format!("# {}", config.file().display()));
        for (key, setting) in config.settings() {
            let source = setting.source.to_string();
            let shown =
                Shown { event: "setting", key: key.name, value: &setting.texts, source, variable: key.variable(), about: key.about };
            output.event(&shown, || {
                let value = setting.texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
                let value = if key.many { format!("[{value}]") } else { value };
                let value = if value.is_empty() { "(not set)".to_owned() } else { value };
                format!("{:<34} = {:<28} # {}", key.name, value, setting.source)
            });
        }
        Ok(())
    }
}
