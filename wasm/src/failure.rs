//! How something fails for JavaScript: an `Error` with a code to act on, what to do next, and what was observed.

use cachette_core::copies::Copies;
use cachette_core::share_link::ShareLinkError;
use cachette_core::store::StoreFault;
use cachette_core::vault::tree::PathError;
use cachette_core::vault::{self, CommandError, LinkError};
use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

use crate::js::{Shape, number};
use crate::store::{ClaimError, OpenError};

/// A failure on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    code: &'static str,
    message: String,
    hint: Option<String>,
    details: Option<JsValue>,
}

impl Failure {
    /// Starts with a code and a sentence without a full stop.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, details: None }
    }

    /// A bug of ours, or a browser that lacks what every browser has.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", message).hint("reload the page; what was stored is not affected")
    }

    /// The peer was closed while something waited for it.
    pub(crate) fn closed() -> Self {
        Self::new("closed", "the vault was closed meanwhile").hint("open it again and repeat what was not done")
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what was observed.
    pub(crate) fn details(mut self, details: impl Into<JsValue>) -> Self {
        self.details = Some(details.into());
        self
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let error = Error::new(&failure.message);
        let set = |name: &str, value: Self| {
            // An error takes properties as every object does.
            let _ = Reflect::set(&error, &name.into(), &value);
        };
        set("code", failure.code.into());
        if let Some(hint) = failure.hint {
            set("hint", hint.into());
        }
        if let Some(details) = failure.details {
            set("details", details);
        }
        error.into()
    }
}

/// Shows how many copies there are.
pub(crate) fn copies(copies: Copies) -> JsValue {
    let Copies { durable, safe_at, wanted } = copies;
    Shape::new().with("durable", durable).with("safeAt", safe_at).with("wanted", wanted).done()
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        use CommandError as E;
        let code = match &error {
            E::NotFound(_) => "not-found",
            E::NotADirectory(_) => "not-a-folder",
            E::NotAFile(_) => "not-a-file",
            E::Exists(_) => "exists",
            E::IntoItself(_) => "into-itself",
            E::Unavailable(_) => "unavailable",
            E::Lost(_) => "lost",
            E::NotSafe(_) => "not-safe",
            E::Damaged(_) => "damaged",
            E::Newer(_) | E::NewerThere(_) => "newer-release",
            E::NotKept => "not-kept",
            E::NoRight(_) | E::Refused(_) => "no-right",
            E::NoKey => "no-key",
            E::Cancelled => "cancelled",
            E::SelfCheck => "self-check",
            E::NoCarriers => "no-nodes",
            E::Link(LinkError::Withdrawn) => "withdrawn",
            E::Link(LinkError::Vanished) => "vanished",
            E::Link(LinkError::Unreachable) => "unreachable",
            E::Link(_) => "damaged",
            _ => "internal",
        };
        let message = match &error {
            E::NotKept => "the browser did not keep this device's notes".to_owned(),
            E::SelfCheck => "what was encrypted did not decrypt again: this computer's memory or processor is not reliable".to_owned(),
            error => error.to_string(),
        };
        let failure = Self::new(code, message);
        match error {
            E::NotFound(_) | E::NotADirectory(_) | E::NotAFile(_) => failure.hint("list the folder to see what is there"),
            E::Exists(_) => failure.hint("choose another name, or remove what is there first"),
            E::IntoItself(_) => failure.hint("choose a folder outside of it"),
            E::Unavailable(ids) => failure
                .hint("nothing is lost as long as one node or tab that holds it comes back; try again when more of them answer")
                .details(Shape::new().with("parts", number(ids.len())).done()),
            E::Lost(_) => failure.hint("put the same file again: it sends that content anew"),
            E::NotSafe(found) => failure.hint("make room on the nodes, or add one, and try again").details(copies(found)),
            E::Damaged(_) => failure.hint("`cachette check --repair` on a computer with this vault looks for a good copy on every node"),
            E::Newer(_) | E::NewerThere(_) => {
                failure.hint("reload the page to get the newest release, or ask who runs this site to update it")
            }
            E::NotKept => failure.hint("what was stored before is still there; make room for this site in the browser and try again"),
            E::Refused(_) => failure.hint("this device may have been removed from the vault; ask somebody who manages it"),
            E::NoRight(_) => failure.hint("ask somebody with the right to change this vault"),
            E::NoKey => failure.hint("the vault's other devices, or its recovery words, can let this one in again"),
            E::SelfCheck => failure.hint("nothing of it was stored; try again, and test this computer's memory if it happens twice"),
            E::Cancelled => failure,
            E::NoCarriers => failure.hint("join a node by its invitation first"),
            E::Link(LinkError::Withdrawn) => failure.hint("ask whoever sent it for another one"),
            E::Link(LinkError::Vanished) => failure.hint("ask whoever sent it whether it was withdrawn"),
            E::Link(LinkError::Unreachable) => failure.hint("try again later; nothing is wrong with the link"),
            E::Link(_) => failure.hint("ask whoever sent it for another one"),
            _ => failure.hint("reload the page; what was stored is not affected"),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Blocked => Self::new("storage-blocked", "another tab of this site runs an older release and is in the way")
                .hint("close or reload this site's other tabs, then reload this one"),
            OpenError::Later => Self::new("later-release", "a later release of this site wrote what this browser stores")
                .hint("reload the page; if that changes nothing, clear the browser's cache for this site, not its data"),
            OpenError::Refused(why) => Self::new("storage-refused", "the browser gives this site no storage")
                .hint("private windows and strict settings do that: use an ordinary window, or allow this site to store data")
                .details(why),
        }
    }
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Stale(number) => Self::new("stale-leader", "another tab has taken over this vault")
                .hint("go on in the other tab, or reload this one")
                .details(Shape::new().with("fence", number as f64).done()),
            ClaimError::Failed(why) => {
                Self::new("storage-refused", "the browser does not write to this site's storage").hint("make room on the disk").details(why)
            }
        }
    }
}

impl From<StoreFault> for Failure {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Full => Self::new("storage-full", "the browser has no room left for this site")
                .hint("make room on the disk, or allow this site to store more"),
            StoreFault::Failed => Self::new("storage-refused", "the browser's storage for this site does not work")
                .hint("reload the page; the files are safe on their nodes"),
        }
    }
}

impl From<vault::OpenError> for Failure {
    fn from(error: vault::OpenError) -> Self {
        match error {
            vault::OpenError::NoVault => {
                Self::new("not-found", "no vault is set up in this browser").hint("make one, or bring one back from its recovery words")
            }
            vault::OpenError::Key(error) => {
                Self::new("no-key", error.to_string()).hint("the vault's other devices, or its recovery words, can let this one in again")
            }
            error => Self::new("damaged", error.to_string()).hint(
                "the vault itself is safe on its nodes: bring it back from its recovery words, in another browser or under another name",
            ),
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::new("wrong-path", error.to_string()).hint("names are separated by slashes, 1 to 255 bytes each")
    }
}

impl From<ShareLinkError> for Failure {
    fn from(error: ShareLinkError) -> Self {
        let hint = match error {
            ShareLinkError::Version(_) => "reload the page to get the newest release, or ask who runs this site to update it",
            _ => "copy the whole link, to its last character",
        };
        Self::new("wrong-link", error.to_string()).hint(hint)
    }
}
