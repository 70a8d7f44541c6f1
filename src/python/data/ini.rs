//! Files of sections as `configparser` reads them, without interpolation.

use super::Fault;

/// A section: its name and its options, names in lower case.
pub(crate) type Section = (String, Vec<(String, Option<String>)>);

/// The sections of a text; `DEFAULT` is one of them.
pub(crate) fn sections(text: &str) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut indent = 0;
    let mut blank = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        if trimmed.is_empty() {
            blank = true;
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        if depth > indent
            && let Some((_, options)) = sections.last_mut()
            && let Some((_, Some(value))) = options.last_mut()
        {
            if blank {
                return Err(Fault::Unclear("an option with an empty line in its value"));
            }
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        blank = false;
        indent = depth;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            if sections.iter().any(|(other, _)| other == name) {
                return Err(Fault::Raises("DuplicateSectionError", format!("section {name:?} already exists")));
            }
            sections.push((name.to_owned(), Vec::new()));
            continue;
        }
        let Some((_, options)) = sections.last_mut() else {
            return Err(Fault::Raises("MissingSectionHeaderError", "the file contains no section headers".to_owned()));
        };
        let Some(at) = trimmed.find(['=', ':']) else {
            return Err(Fault::Raises("ParsingError", format!("no value in {trimmed:?}")));
        };
        let (name, value) = (trimmed[..at].trim_end().to_lowercase(), trimmed[at + 1..].trim());
        if options.iter().any(|(other, _)| *other == name) {
            return Err(Fault::Raises("DuplicateOptionError", format!("option {name:?} already exists")));
        }
        options.push((name, Some(value.to_owned())));
    }
    Ok(sections)
}
