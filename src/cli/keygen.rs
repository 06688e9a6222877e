//! Writes a new sealing key to a new file. `ticket` knows the format of a key; this file only knows the
//! file system.

use anyhow::{Context, bail};
use harbormouth::runtime::sealing_keys;
use harbormouth::tickets::KeyId;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// For the owner alone, from the first moment on.
const MODE: u32 = 0o600;

/// Creates `file` with a random key in it.
///
/// # Errors
/// When the file exists, which is then left as it is, or can't be written, which leaves none.
pub fn write_new(file: &Path) -> anyhow::Result<KeyId> {
    let key = sealing_keys::random_key()?;
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(file);
    let mut created = match created {
        Ok(created) => created,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} exists and was not changed, because a key in use must not be lost; give another \
             name",
            file.display()
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("{} can't be created", file.display()));
        }
    };
    let written = created
        .write_all(key.write().as_bytes())
        .and_then(|()| created.sync_all())
        .and_then(|()| sync_name(file));
    if let Err(error) = written {
        // Half a key would only stand in the way of the next try.
        std::fs::remove_file(file).ok();
        return Err(error).with_context(|| format!("{} can't be written", file.display()));
    }
    Ok(key.id())
}

/// The name of a new file lasts once its directory has been written.
fn sync_name(file: &Path) -> io::Result<()> {
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
