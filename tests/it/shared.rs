//! The developers' shared folder, where recorded truth lies.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests are told by the environment where the folder is"
)]

use std::path::{Path, PathBuf};

/// The folder; none where `DAGGUARD_TEST_NO_SHARED` says that it is not there, and then the last
/// line of the tests counts what was not run (`NEED_SHARED` in tests/live/main.rs).
pub(crate) fn shared() -> Option<PathBuf> {
    if std::env::var_os("DAGGUARD_TEST_NO_SHARED").is_some() {
        println!("not run: the shared folder is not here (DAGGUARD_TEST_NO_SHARED)");
        return None;
    }
    let folder = std::env::var_os("DAGGUARD_TEST_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    assert!(
        folder.is_dir(),
        "nothing at `{}`: set DAGGUARD_TEST_SHARED to the shared folder, or DAGGUARD_TEST_NO_SHARED=1",
        folder.display()
    );
    Some(folder)
}
