//! Where symbolic links lead, within the tree that would be delivered (R30).

use super::{Delivered, Refusal};
use crate::content::{HomePath, Mode, PathProblem};
use std::collections::BTreeMap;
use std::ops::Bound;

/// More links than this in one chain are taken for a loop, as Linux does.
const LINK_LIMIT: usize = 40;

/// The longest target of a link that Linux takes, in bytes.
const LONGEST_TARGET: usize = 4_095;

/// Parts of paths that all links of a tree together may lead over: twenty for each of very many
/// links. A branch is written by others, and links through links multiply.
const MOST_PARTS: usize = 2_000_000;

/// The links of a tree among its files.
pub(super) struct Links<'a> {
    files: &'a BTreeMap<HomePath, Delivered>,
    targets: BTreeMap<HomePath, String>,
    /// Parts of paths that were looked up so far.
    pub(super) parts: usize,
}

impl<'a> Links<'a> {
    /// The links, by where they will stand.
    pub(super) fn of(links: BTreeMap<HomePath, String>, files: &'a BTreeMap<HomePath, Delivered>) -> Self {
        Self { files, targets: links, parts: 0 }
    }

    /// What speaks against each of them.
    pub(super) fn refusals(&mut self) -> Vec<Refusal> {
        let files = self.files;
        let links = files.iter().filter(|(_, file)| file.mode == Mode::Link);
        let mut refusals = Vec::new();
        for (dest, file) in links {
            let refusal = match self.fault(dest) {
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
        if let Some(fault) = enter(self.targets.get(dest)?, &mut todo) {
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
        let next = self.files.range::<str, _>((Bound::Included(inside.as_str()), Bound::Unbounded)).next();
        self.files.contains_key(name) || next.is_some_and(|(path, _)| path.as_str().starts_with(&inside))
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
    use crate::content::{Area, BlobId, ContentPath};

    fn tree(
        links: impl Iterator<Item = (String, String)>,
    ) -> (BTreeMap<HomePath, String>, BTreeMap<HomePath, Delivered>) {
        let file = |path: &HomePath, mode| Delivered {
            rank: 0,
            area: Area::Dags,
            source: ContentPath::new(path.as_str()).unwrap(),
            id: BlobId::of(b""),
            mode,
        };
        let links: BTreeMap<HomePath, String> =
            links.map(|(path, target)| (HomePath::new(path).unwrap(), target)).collect();
        let mut files: BTreeMap<HomePath, Delivered> =
            links.keys().map(|path| (path.clone(), file(path, Mode::Link))).collect();
        let real = HomePath::new("dags/zz/real.py").unwrap();
        files.insert(real.clone(), file(&real, Mode::Regular));
        (links, files)
    }

    /// What is looked up for that many links which all lead to one file.
    fn parts(count: usize) -> usize {
        let (links, files) = tree((0..count).map(|n| (format!("dags/l{n:06}"), "./zz//real.py".to_string())));
        let mut links = Links::of(links, &files);
        assert!(links.refusals().is_empty());
        links.parts
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
        let (links, files) = tree(links);
        let mut links = Links::of(links, &files);
        let refusals = links.refusals();
        assert!(matches!(refusals.last(), Some(Refusal::TooLarge(why)) if why.contains("its links")), "{refusals:?}");
        assert!(links.parts <= MOST_PARTS + 1);
        let (links, files) = tree([("dags/l".to_string(), "x".repeat(5_000))].into_iter());
        let said: Vec<String> = Links::of(links, &files).refusals().iter().map(ToString::to_string).collect();
        assert_eq!(said, ["the path is too long: `the target of dags/l`"]);
    }
}
