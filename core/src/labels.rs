//! Every domain-separation label of Cachette. No two uses of one key share a label, and no label is a prefix of another.

/// Associated data of a sealed block, followed by the suite byte.
pub const BLOCK: &[u8] = b"cachette block";

/// Derives the sealing key of an epoch from the epoch's secret.
pub const EPOCH_SEAL: &str = "cachette 2026-11 epoch seal";
/// Derives the key that seals the private part of heads from the epoch's secret.
pub const EPOCH_HEAD: &str = "cachette 2026-11 epoch head";
/// Derives the key under which the epoch before is wrapped.
pub const EPOCH_PREVIOUS: &str = "cachette 2026-11 epoch previous";
/// Derives the owner under which a client's cache of a vault lies from the vault's id; no secret.
pub const CACHE_OWNER: &str = "cachette 2026-11 cache owner";
/// Derives the vault's chunk key from the secret of epoch 0.
pub const CHUNK: &str = "cachette 2026-11 chunk";

/// Derives a device's signing seed from its seed.
pub const DEVICE_SIGN: &str = "cachette 2026-11 device sign";
/// Derives a device's X25519 secret from its seed.
pub const DEVICE_AGREE: &str = "cachette 2026-11 device agree";
/// HPKE info of an epoch secret wrapped to a member.
pub const WRAP: &[u8] = b"cachette epoch wrap";

/// Signature context of a certificate.
pub const SIGN_CERTIFICATE: &[u8] = b"cachette certificate";
/// Signature context of a head.
pub const SIGN_HEAD: &[u8] = b"cachette head";
/// Signature context of a locate record.
pub const SIGN_LOCATE: &[u8] = b"cachette locate";
/// Signature context of a share record.
pub const SIGN_SHARE: &[u8] = b"cachette share";
/// Signature context of a link: the peer signs its role, its Noise static key and the handshake so far.
pub const SIGN_LINK: &[u8] = b"cachette link";
/// Noise prologue of a link, followed by the version of the handshake.
pub const LINK_PROLOGUE: &[u8] = b"cachette link prologue";
/// Derives a link's Noise static key from the device's secret, entropy and the circumstances of the link.
pub const LINK_STATIC: &str = "cachette 2026-11 link static";
/// Derives a link's Noise ephemeral key from the same.
pub const LINK_EPHEMERAL: &str = "cachette 2026-11 link ephemeral";

/// Derives the key that makes nonces for the epoch before, from the epoch's secret.
pub const PREVIOUS_NONCE: &str = "cachette 2026-11 previous nonce";
/// Derives the key that makes nonces for heads, from the epoch's secret.
pub const HEAD_NONCE: &str = "cachette 2026-11 head nonce";
/// Derives a fresh epoch secret from the signer's secret, entropy and the certificate before.
pub const EPOCH_FRESH: &str = "cachette 2026-11 epoch fresh";
/// Derives HPKE's ephemeral randomness from the signer's secret, entropy and all that is sealed.
pub const WRAP_FRESH: &str = "cachette 2026-11 wrap fresh";
/// Derives the encryption key of a password-protected seed from the Argon2id output.
pub const PASSWORD_SEAL: &str = "cachette 2026-11 password seal";
/// Derives the key commitment of a password-protected seed from the Argon2id output.
pub const PASSWORD_COMMIT: &str = "cachette 2026-11 password commitment";

/// Derives the key that makes nonces for a password-protected seed, from the Argon2id output.
pub const PASSWORD_NONCE: &str = "cachette 2026-11 password nonce";
/// Derives the salt of a password-protected seed from entropy and the seed.
pub const PASSWORD_SALT: &str = "cachette 2026-11 password salt";

/// Derives a fresh link secret from the device's secret, entropy and what is shared.
pub const SHARE_FRESH: &str = "cachette 2026-11 share fresh";
/// Derives the locator of a share record from the link's secret.
pub const SHARE_LOCATOR: &str = "cachette 2026-11 share locator";
/// Derives the key that seals what a share record holds for those who have the link, from the link's secret.
pub const SHARE_CONTENTS: &str = "cachette 2026-11 share contents";
/// Derives the key that makes nonces for the same.
pub const SHARE_CONTENTS_NONCE: &str = "cachette 2026-11 share nonce";
/// Derives the key that seals the blocks written for a link, from the link's secret.
pub const SHARE_BLOCKS: &str = "cachette 2026-11 share blocks";
/// Derives the key that gives chunks other names inside a link, from the link's secret.
pub const SHARE_CHUNKS: &str = "cachette 2026-11 share chunks";
/// Derives the key that seals what a share record holds for the vault's devices, from the epoch's secret.
pub const EPOCH_SHARE: &str = "cachette 2026-11 epoch share";
/// Derives the key that makes nonces for the same.
pub const EPOCH_SHARE_NONCE: &str = "cachette 2026-11 epoch nonce of shares";
/// Derives what proves that a share was withdrawn, from the epoch's secret and the locator.
pub const SHARE_WITHDRAWAL: &str = "cachette 2026-11 share withdrawal";
/// Derives from that proof what a share record shows in advance.
pub const SHARE_COMMITMENT: &str = "cachette 2026-11 share commitment";
/// Derives the digest of a copy that stands in the link to it.
pub const SHARE_DIGEST: &str = "cachette 2026-11 share digest";
/// Derives the checksum of a link's text from its contents.
pub const SHARE_TEXT: &str = "cachette 2026-11 text of a link";

/// Scores a carrier for a partition (rendezvous hashing).
pub const PLACEMENT: &str = "cachette 2026-11 placement";
/// Derives the checksum of an invitation's text from its contents.
pub const INVITATION_TEXT: &str = "cachette 2026-11 text of an invitation";
/// Names an invitation's token on the node that issued it, so that the node stores no secret.
pub const INVITATION: &str = "cachette 2026-11 invitation";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_a_prefix_of_another_in_its_use() {
        let derive = [
            EPOCH_SEAL,
            EPOCH_HEAD,
            EPOCH_PREVIOUS,
            CHUNK,
            DEVICE_SIGN,
            DEVICE_AGREE,
            PREVIOUS_NONCE,
            HEAD_NONCE,
            EPOCH_FRESH,
            WRAP_FRESH,
            PASSWORD_SEAL,
            PASSWORD_COMMIT,
            PASSWORD_NONCE,
            PASSWORD_SALT,
            LINK_STATIC,
            LINK_EPHEMERAL,
            PLACEMENT,
            INVITATION,
            INVITATION_TEXT,
            SHARE_FRESH,
            SHARE_LOCATOR,
            SHARE_CONTENTS,
            SHARE_CONTENTS_NONCE,
            SHARE_BLOCKS,
            SHARE_CHUNKS,
            EPOCH_SHARE,
            EPOCH_SHARE_NONCE,
            SHARE_WITHDRAWAL,
            SHARE_COMMITMENT,
            SHARE_DIGEST,
            SHARE_TEXT,
        ];
        for (i, a) in derive.iter().enumerate() {
            for (j, b) in derive.iter().enumerate() {
                assert!(i == j || !b.starts_with(a), "{a} is a prefix of {b}");
            }
        }
        let sign = [SIGN_CERTIFICATE, SIGN_HEAD, SIGN_LOCATE, SIGN_SHARE, SIGN_LINK];
        for (i, a) in sign.iter().enumerate() {
            for (j, b) in sign.iter().enumerate() {
                assert!(i == j || !b.starts_with(a));
            }
        }
    }
}
