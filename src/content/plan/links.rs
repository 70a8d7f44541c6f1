//! Where symbolic links lead, within the tree that would be delivered (R30).

use super::{Refusal, Target};
use crate::content::{HomePath, Mode, PathProblem};
use std::collections::BTreeMap;

/// More links than this in one chain are taken for a loop, as Linux does.
const LINK_LIMIT: usize = 40;

/// The longest target of a link that Linux takes, in bytes.
const LONGEST_TARGET: usize = 4_095;

/// Parts of paths that all links of a tree together may lead over: twenty for each of very many
/// links. A branch is written by others, and links through links multiply.
const MOST_PARTS: usize = 2_000_000;

/// The links of a tree among its files.
pub(super) struct Links<'a> {
    tree: &'a Target<'a>,
    targets: BTreeMap<&'a str, String>,
    /// Parts of paths that were looked up so far.
    pub(super) parts: usize,
}

impl<'a> Links<'a> {
    /// The links of the tree, by where they will stand.
    pub(super) fn of(tree: &'a Target<'a>) -> Self {
        let links = tree.files.iter().filter(|delivered| delivered.file.mode == Mode::Link);
        let target = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let targets = links.map(|delivered| (delivered.dest().as_str(), target(&delivered.file.bytes))).collect();
        Self { tree, targets, parts: 0 }
    }

    /// What speaks against each of them.
    pub(super) fn refusals(&mut self) -> Vec<Refusal> {
        let links = self.tree.files.iter().filter(|delivered| delivered.file.mode == Mode::Link);
        let mut refusals = Vec::new();
        for file in links {
            let refusal = match self.fault(file.dest()) {
                None => continue,
                Some(Fault::Escapes) => Refusal::EscapingLink(file.source.clone()),
                Some(Fault::Loops) => Refusal::LoopingLink(file.source.clone()),
                Some(Fault::TooLong) => Refusal::Path(PathProblem::TooLong, format!("the target of {}", file.source)),
                Some(Fault::TooMuch) => {
                    let most = MOST_PARTS;
                    refusals.push(Refusal::TooLarge(format!("its links lead over more than {most} folders")));
                    break;
                }
            };
            refusals.push(refusal);
        }
        refusals
    }

    /// Follows a link through the delivered tree, link by link as the kernel would, because
    /// `a/link/..` is not `a`.
    fn fault(&mut self, dest: &HomePath) -> Option<Fault> {
        let mut here = dest.parent().map(|folder| folder.to_string()).unwrap_or_default();
        // What is still to be walked, the next part last.
        let mut todo: Vec<&str> = Vec::new();
        if let Some(fault) = enter(self.targets.get(dest.as_str())?, &mut todo) {
            return Some(fault);
        }
        let mut followed = 1;
        while let Some(part) = todo.pop() {
            self.parts += 1;
            if self.parts > MOST_PARTS {
                return Some(Fault::TooMuch);
            }
            if part == ".." {
                if here.is_empty() {
                    return Some(Fault::Escapes);
                }
                here.truncate(here.rfind('/').unwrap_or(0));
                continue;
            }
            let folder = here.len();
            if folder > 0 {
                here.push('/');
            }
            here.push_str(part);
            if here.len() > 2 * LONGEST_TARGET {
                return Some(Fault::Escapes);
            }
            if let Some(target) = self.targets.get(here.as_str()) {
                followed += 1;
                if followed > LINK_LIMIT {
                    return Some(Fault::Loops);
                }
                here.truncate(folder);
                if let Some(fault) = enter(target, &mut todo) {
                    return Some(fault);
                }
            }
        }
        if dest.below(&here).is_some() {
            Some(Fault::Loops)
        } else if here.is_empty() || here == "plugins" || !self.is_delivered(&here) {
            Some(Fault::Escapes)
        } else {
            None
        }
    }

    /// Whether a file will stand there, or below.
    fn is_delivered(&self, name: &str) -> bool {
        let inside = format!("{name}/");
        let first = |from: &str| self.tree.from(from).first().map(|delivered| delivered.dest().as_str());
        first(name) == Some(name) || first(&inside).is_some_and(|path| path.starts_with(&inside))
    }
}

enum Fault {
    Escapes,
    Loops,
    TooLong,
    TooMuch,
}

/// Puts a link's target before what is still to be walked.
fn enter<'t>(target: &'t str, todo: &mut Vec<&'t str>) -> Option<Fault> {
    if target.len() > LONGEST_TARGET {
        return Some(Fault::TooLong);
    }
    todo.extend(target.split('/').rev().filter(|part| !matches!(*part, "" | ".")));
    (target.starts_with('/') || target.is_empty()).then_some(Fault::Escapes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentPath, File, Layout, Revision, Snapshot};

    /// A tree of these links beside one file, without its other faults.
    fn tree(links: impl Iterator<Item = (String, String)>) -> Snapshot {
        let revision = Revision::new("r");
        let mut tree = Snapshot::empty(revision.clone());
        for (path, target) in links {
            let file = File { mode: Mode::Link, ..File::regular(&revision, target.into_bytes()) };
            tree.insert(ContentPath::new(path).unwrap(), file);
        }
        tree.insert(ContentPath::new("dags/zz/real.py").unwrap(), File::regular(&revision, *b""));
        tree
    }

    fn refusals(tree: &Snapshot) -> (Vec<Refusal>, usize) {
        let target = Target { files: Target::files(tree, Layout::Content) };
        let mut links = Links::of(&target);
        (links.refusals(), links.parts)
    }

    /// What is looked up for that many links which all lead to one file.
    fn parts(count: usize) -> usize {
        let tree = tree((0..count).map(|n| (format!("dags/l{n:06}"), "./zz//real.py".to_string())));
        let (refusals, parts) = refusals(&tree);
        assert!(refusals.is_empty());
        parts
    }

    #[test]
    fn ten_times_the_links_are_ten_times_the_work() {
        assert_eq!((parts(100), parts(1_000), parts(10_000)), (200, 2_000, 20_000));
    }

    #[test]
    fn links_through_links_end_at_a_bound() {
        // Each leads forty times through the others, on a way as long as a target may be.
        let detour = "zz/../".repeat(680);
        let links = (0..2_000).map(|n| (format!("dags/l{n:04}"), format!("{detour}l{:04}", n + 1)));
        let (found, parts) = refusals(&tree(links));
        assert!(matches!(found.last(), Some(Refusal::TooLarge(why)) if why.contains("its links")), "{found:?}");
        assert!(parts <= MOST_PARTS + 1);
        let (found, _) = refusals(&tree([("dags/l".to_string(), "x".repeat(5_000))].into_iter()));
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["the path is too long: `the target of dags/l`"]);
    }
}
