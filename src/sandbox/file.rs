//! The state's file: its owner's alone, never through a link, and replaced in one step.
//!
//! What the emulator remembers holds the tokens and names that somebody rehearsed with.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The longest state that is read, in bytes: a rehearsal of ten thousand objects takes a tenth.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// After this time, a temporary file is one that a killed run left.
const STALE: Duration = Duration::from_secs(600);

/// Makes a directory that only its owner may look into, and closes it to others where it is there already. For a
/// directory of this program's own.
pub(super) fn own_directory(directory: &Path) -> io::Result<()> {
    make_directory(directory)?;
    if fs::symlink_metadata(directory)?.is_symlink() {
        return Err(io::Error::other(format!("{} is a symbolic link", directory.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// What is in the file; `None` where there is none, or an empty one.
pub(super) fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => check(&metadata?)?,
    }
    let mut options = OpenOptions::new();
    options.read(true);
    // It may have become a link since.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let opened = options.open(file)?;
    check(&opened.metadata()?)?;
    let mut text = String::new();
    opened.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(too_long());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn check(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        return Err(io::Error::other("it is a symbolic link"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    match metadata.len() > MOST_BYTES {
        true => Err(too_long()),
        false => Ok(()),
    }
}

fn too_long() -> io::Error {
    io::Error::other("it is far too long for a rehearsal's state")
}

/// Replaces the file in one step, so that a kill leaves the one before.
pub(super) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = directory_of(file);
    make_directory(directory)?;
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        metadata => check(&metadata?)?,
    }
    remove_stale(directory, file);
    let temporary = temporary(file);
    let written = create(&temporary)
        .and_then(|mut new| new.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        // The failure is what matters.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Whether a state can be written there at all. It is asked before anything is rehearsed that could not be remembered.
pub(super) fn check_writable(file: &Path) -> io::Result<()> {
    make_directory(directory_of(file))?;
    let temporary = temporary(file);
    create(&temporary)?;
    fs::remove_file(&temporary)
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// A new file that only its owner may read. One that is there already, or a link, is an error.
fn create(temporary: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(temporary)
}

/// A name beside the file that nobody else has: `.sandbox.json.<process>-<number>.new`.
fn temporary(file: &Path) -> PathBuf {
    let number = std::hash::RandomState::new().build_hasher().finish();
    let (prefix, process) = (prefix(file), std::process::id());
    file.with_file_name(format!("{prefix}{process}-{number:016x}.new"))
}

fn prefix(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.")
}

/// Removes what killed runs left half written. It is only tidying: what cannot be removed is left.
fn remove_stale(directory: &Path, file: &Path) {
    let prefix = prefix(file);
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_temporary = name
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(".new"))
            .is_some_and(|rest| rest.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()));
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_stale =
            modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > STALE));
        if is_temporary && is_stale {
            let _ = fs::remove_file(entry.path());
        }
    }
}
