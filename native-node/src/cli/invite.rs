//! `cachette invite`.

use bytesize::ByteSize;
use serde::Serialize;

use super::Context;
use super::error::CliError;
use crate::api::client::NodeClient;
use crate::api::model::{InvitationAnswer, InvitationRequest};
use crate::config::keys;

/// Makes an invitation: one vault may bring it to the node that runs on this machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Bytes that the vault may take, such as 100GiB (else as many as the node itself may)
    limit: Option<ByteSize>,
}

#[derive(Serialize)]
struct Invited<'a> {
    event: &'static str,
    #[serde(flatten)]
    answer: &'a InvitationAnswer,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let node = NodeClient::find(&context.config.value::<std::path::PathBuf>(keys::DATA_DIR)?)?;
        let request = InvitationRequest { limit: self.limit.map(|limit| limit.as_u64()) };
        let answer: InvitationAnswer = node.post("/api/v1/invitations", &request).await?;
        print(&context, &answer);
        Ok(())
    }
}

/// Prints an invitation.
pub(super) fn print(context: &Context, answer: &InvitationAnswer) {
    context
        .output
        .note(&format!("invitation for one vault of at most {}; whoever has it may use it, once:", ByteSize(answer.limit).display().iec()));
    context.output.event(&Invited { event: "invitation", answer }, || answer.invitation.clone());
}
