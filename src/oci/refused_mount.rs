//! Refused mounts. If a client may not read the repository that it wants to mount from, containerd gives
//! up the whole push, although it could upload the blob.

/// Whether an answer to a mount refuses the mount and not the push: 403, or 401 (Harbor 2.9's)
/// where the token's access list grants push on the target.
pub(crate) fn was_refused(status: u16, grants_push: bool) -> bool {
    match status {
        403 => true,
        401 => grants_push,
        _ => false,
    }
}

/// The parameters that make an upload start a mount.
pub const PARAMETERS: [&str; 2] = ["mount", "from"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_mount_itself_is_one() {
        for (status, grants_push, refused) in [
            (403, false, true),
            (403, true, true),
            (401, true, true),
            (401, false, false),
            (201, true, false),
            (202, true, false),
            (404, true, false),
            (500, true, false),
        ] {
            assert_eq!(
                was_refused(status, grants_push),
                refused,
                "{status} {grants_push}"
            );
        }
    }
}
