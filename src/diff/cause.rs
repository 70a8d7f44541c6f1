//! Why a DAG went, or a file does not import, where the tree says more than that.

use super::Side;
use crate::content::{ContentPath, Location, Snapshot, Span};
use crate::dag::FileError;

const IGNORE_FILE: &str = ".airflowignore";

/// The line of an `.airflowignore` above a file that is new, or other, in the proposed tree. The nearest
/// one, as it is the likeliest.
pub(super) fn hidden_by(deployed: Side, proposed: Side, file: &ContentPath) -> Option<Location> {
    file.as_str().rmatch_indices('/').map(|(at, _)| &file.as_str()[..=at]).chain([""]).find_map(|folder| {
        let path = ContentPath::new(format!("{folder}{IGNORE_FILE}")).ok()?;
        let lines = |snapshot: &Snapshot| -> Vec<String> {
            let file = snapshot.get(&path).map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
            file.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
        };
        let (before, after) = (lines(deployed.snapshot), lines(proposed.snapshot));
        let says = |line: &String| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let (line, _) = (1..).zip(&after).find(|(_, line)| says(line) && !before.contains(line))?;
        Some(Location { path, span: Span { line, ..Span::FILE } })
    })
}

/// Of a file that does not parse: the first marker that git has left of a merge, and that in words.
pub(super) fn left_by_a_merge(proposed: Side, error: &FileError) -> Option<(Location, String)> {
    let text = String::from_utf8_lossy(&proposed.snapshot.get(&error.at.path)?.bytes).into_owned();
    let marker = |begin: &str| {
        let of_git = |line: &str| line.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        (1..).zip(text.lines()).find(|(_, line)| of_git(line))
    };
    let (first, line) = marker("<<<<<<<")?;
    let ((middle, _), (last, _)) = (marker("=======")?, marker(">>>>>>>")?);
    (first < middle && middle < last).then(|| {
        let at = Location { path: error.at.path.clone(), span: Span { line: first, ..Span::FILE } };
        let line: String = line.chars().take(60).collect();
        (at, format!("a merge has left its markers in it (`{}`)", line.trim_end()))
    })
}
