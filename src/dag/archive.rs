//! Zip archives: Airflow loads the modules at their top as DAG files.

/// Signature of the record at the end of an archive.
const END: &[u8; 4] = b"PK\x05\x06";
/// Signature of an entry of its directory.
const ENTRY: &[u8; 4] = b"PK\x01\x02";
/// The record, and the longest comment behind it.
const TAIL: usize = 22 + 0xffff;

/// Whether bytes are a zip archive with a module at its top. What the module holds is compressed,
/// so that safe mode's words are not looked for.
pub(super) fn holds_modules(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    if !tail.windows(END.len()).any(|window| window == END) {
        return false;
    }
    let mut left = bytes;
    while let Some(at) = left.windows(ENTRY.len()).position(|window| window == ENTRY) {
        let entry = &left[at..];
        // The name stands behind 46 bytes, its length at the 28th.
        let length = entry.get(28..30).map_or(0, |two| usize::from(two[0]) | usize::from(two[1]) << 8);
        if let Some(name) = entry.get(46..46 + length)
            && !name.contains(&b'/')
            && (name.ends_with(b".py") || name.ends_with(b".pyc"))
        {
            return true;
        }
        left = &entry[ENTRY.len()..];
    }
    false
}
