//! `plugins/.airflowignore`: which delivered folders the plugin loader leaves alone (R9).
//!
//! The file may have lines of others; ours stand between two marks, and only those are replaced.
//! Airflow reads a line as a regular expression or as a glob, by a setting that a syncer cannot
//! see, and the patterns are said in both: seen on 2.6.2, 2.11.2 and 3.3.2, each line matches the
//! folder's files in its own syntax and nothing at all in the other.

use std::collections::BTreeSet;

/// Its name below the home.
pub(super) const FILE: &str = "plugins/.airflowignore";

const BEGIN: &str = "# dagguard: delivered folders without a plugin, read anew at each parse";
const END: &str = "# dagguard: end";

/// The file's text with these folders in our part, and the lines of others byte by byte as they
/// are; nothing where there is nothing to say.
pub(super) fn text(present: &str, folders: &BTreeSet<String>) -> Option<String> {
    let mut others = String::new();
    let mut place = None;
    let mut ours = false;
    for line in present.split_inclusive('\n') {
        match line.trim_end_matches(['\n', '\r']) {
            BEGIN => {
                ours = true;
                place.get_or_insert(others.len());
            }
            END if ours => ours = false,
            // Without its end our part ends with the first line that is not of our form.
            bare if ours && is_pattern(bare) => {}
            _ => {
                ours = false;
                others.push_str(line);
            }
        }
    }
    if !folders.is_empty() {
        let patterns = folders.iter().flat_map(|folder| [regexp(folder), glob(folder)]);
        let mut part: String = [BEGIN.to_string()].into_iter().chain(patterns).map(|line| line + "\n").collect();
        part.push_str(END);
        part.push('\n');
        let place = place.unwrap_or(others.len());
        if !others[..place].is_empty() && !others[..place].ends_with('\n') {
            part.insert(0, '\n');
        }
        others.insert_str(place, &part);
    }
    if others.is_empty() { None } else { Some(others) }
}

/// Searched in the path below `plugins`; as a glob, a folder whose name begins with `^`.
fn regexp(folder: &str) -> String {
    let special = |c: char| matches!(c, '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|');
    let escaped: String = folder.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
    format!("^{escaped}/")
}

/// Everything directly in the folder; as an expression, a name with `!` or `:` behind it.
fn glob(folder: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '!');
    let escaped: String = folder.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
    format!("{escaped}/*[!:]")
}

fn is_pattern(line: &str) -> bool {
    (line.starts_with('^') && line.ends_with('/')) || line.ends_with("/*[!:]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_of_others_stay_where_they_are() {
        let ours = format!("{BEGIN}\n^et\\.l/\net.l/*[!:]\n^operators/\noperators/*[!:]\n{END}\n");
        assert_eq!(text("", &folders(&["operators", "et.l"])).unwrap(), ours);
        assert_eq!(text(&ours, &folders(&[])), None);
        let mixed = text("theirs\n", &folders(&["etl"])).unwrap();
        assert_eq!(mixed, format!("theirs\n{BEGIN}\n^etl/\netl/*[!:]\n{END}\n"));
        let more = format!("{mixed}# behind\n");
        assert_eq!(text(&more, &folders(&["etl"])).unwrap(), more);
        assert_eq!(text(&more, &folders(&[])).unwrap(), "theirs\n# behind\n");
        assert_eq!(text("a\r\nb", &folders(&[])).unwrap(), "a\r\nb");
        assert_eq!(text("a\r\nb", &folders(&["x"])).unwrap(), format!("a\r\nb\n{BEGIN}\n^x/\nx/*[!:]\n{END}\n"));
        // Somebody has taken the last mark away: only what has our form goes with the first.
        let cut = more.replace(&format!("{END}\n"), "");
        assert_eq!(text(&cut, &folders(&["etl"])).unwrap(), more);
    }
}
