//! Run by cargo before a build: gives the build a fingerprint, by which it knows what it has kept itself.

#![expect(clippy::disallowed_methods, reason = "a build script reads the sources")]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// What decides how the program behaves: its own text, the pages in it and the libraries that it takes.
const DECIDES: [&str; 4] = ["src", "rules", "Cargo.toml", "Cargo.lock"];

fn main() -> std::io::Result<()> {
    let mut files = BTreeMap::new();
    for name in DECIDES {
        println!("cargo:rerun-if-changed={name}");
        read(Path::new(name), &mut files)?;
    }
    // The features, the target and the profile, as cargo hands them to this script.
    let told = |name: &str| {
        name.starts_with("CARGO_FEATURE_") || name.starts_with("CARGO_CFG_") || ["PROFILE", "OPT_LEVEL"].contains(&name)
    };
    let settings: BTreeMap<String, String> = std::env::vars().filter(|(name, _)| told(name)).collect();
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        (seed, &settings, &files).hash(&mut hasher);
        hasher.finish()
    };
    println!("cargo:rustc-env=BUILD_OF_DAGGUARD={:016x}{:016x}", half(0), half(1));
    Ok(())
}

fn read(path: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            read(&entry?.path(), files)?;
        }
    } else {
        files.insert(path.to_path_buf(), std::fs::read(path)?);
    }
    Ok(())
}
