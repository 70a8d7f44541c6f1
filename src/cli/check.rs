//! `dagguard check`.

use super::{Exit, Failure, judge, runtime, write_out};
use crate::Comparison;
use crate::airflow::{self, Limits};
use crate::config::{CheckArguments, Environment, FailOn, OutputFormat, Reported};
use crate::content::{Layout, Revision, Snapshot};
use crate::dag::Models;
use crate::facts::Facts;
use crate::git::{self, GitError, Message, Repository, Sizes};
use crate::report::full::Colour;
use crate::report::{self, Report, Verdict};
use crate::rules::{Level, Policy};
use std::mem::{self, ManuallyDrop};
use std::path::Path;

pub(super) fn run(
    arguments: &CheckArguments,
    environment: &Environment,
    directory: &Path,
    colour: Colour,
) -> Result<Exit, Failure> {
    let repository = Repository::discover(directory).ok();
    let cache = judge::cache(&arguments.cache, directory, repository.as_ref());
    let sizes = cache.as_ref().map(|cache| Sizes::read(cache.sizes().as_ref())).unwrap_or_default();
    let named = judge::named_layout(&arguments.judge.instances)?;
    let mut trees = Trees { directory, repository, sizes, layout: Layout::Content };
    trees.follow(named.unwrap_or_default());
    let mut deployed = trees.tree(&arguments.against, None)?;
    let (mut proposed, absent) = match trees.tree(&arguments.proposed, Some(&deployed)) {
        Ok(proposed) => (proposed, None),
        Err(failure) if is_gone_beside(&arguments.proposed, &arguments.against, directory) => {
            (Snapshot::empty(Revision::new(arguments.proposed.as_str())), Some(failure))
        }
        Err(failure) => return Err(failure),
    };
    let layout = match named {
        Some(layout) => layout,
        None => match judge::own_layout(&deployed, if absent.is_some() { &deployed } else { &proposed })? {
            Some(layout) => {
                trees.follow(layout);
                deployed = trees.tree(&arguments.against, None)?;
                if absent.is_none() {
                    proposed = trees.tree(&arguments.proposed, Some(&deployed))?;
                }
                layout
            }
            None => judge::layout(&deployed, &proposed),
        },
    };
    let repository = trees.repository.as_ref();
    let policy = judge::policy(Policy::check(layout), &arguments.judge)?;
    let messages = repository.map(|at_hand| messages(at_hand, &deployed, &proposed, &arguments.proposed));
    let policy = judge::with_trees(policy, &deployed, &proposed, &messages.unwrap_or_default());
    let (mut report, models) = if let Some(path) = &arguments.runs {
        let facts = ManuallyDrop::new(runs(path)?);
        let policy = judge::for_version_of(policy, &facts);
        judge::with_kept(cache.as_ref(), |models| {
            // The process ends soon: nobody needs the room again.
            let compare = |models: &Models| {
                ManuallyDrop::new(Comparison::new(models, &deployed, &proposed, &policy)).check(&facts)
            };
            Ok(models.together(compare))
        })?
    } else {
        let accesses = judge::accesses(&arguments.judge, environment, Limits::default(), &judge::Memories::default())?;
        let runtime = runtime()?;
        judge::with_kept(cache.as_ref(), |models| {
            Ok(runtime.block_on(judge::judge(models, &deployed, &proposed, &accesses, &policy)))
        })?
    };
    if let Some(fault) = repository.and_then(Repository::fault) {
        return Err(fault.into());
    }
    if let Some(failure) = absent {
        // The name may be a mistake: a tree that is not there is never found safe.
        if report.verdict != Verdict::Block || arguments.reported.exit_zero {
            return Err(failure);
        }
        report.notes.push(format!("nothing is at `{}`: it is judged as a tree without files", arguments.proposed));
    }
    deliver(&report, &arguments.reported, colour)?;
    // Nobody waits for it any more.
    judge::keep(cache.as_ref(), &models, &trees.sizes);
    let exit = exit(&report, &arguments.reported);
    mem::forget((models, trees, deployed, proposed));
    Ok(exit)
}

/// What was said with the commits between the two trees. The work tree stands on the commit that is
/// checked out; any other folder is no commit, and nothing was said with it.
fn messages(repository: &Repository, deployed: &Snapshot, proposed: &Snapshot, argument: &str) -> Vec<Message> {
    let commit = |snapshot: &Snapshot| Some(snapshot.revision().clone()).filter(|id| repository.has(id.as_str()));
    let at_hand = argument.strip_prefix("dir:").unwrap_or(argument) == "." && commit(deployed).is_some();
    let head = || repository.resolve("HEAD").ok().filter(|_| at_hand);
    let proposed = commit(proposed).or_else(head);
    proposed.map(|proposed| repository.messages(deployed.revision(), &proposed)).unwrap_or_default()
}

/// Reads a file of runs.
pub(super) fn runs(path: &Path) -> Result<Facts, Failure> {
    const HINT: &str = "`dagguard snapshot -o FILE` writes such a file; without --runs the Airflow itself is asked";
    let name = path.display();
    let text = std::fs::read(path)
        .map_err(|error| Failure::incomplete(format!("cannot be read, {error}: `{name}`")).hint(HINT))?;
    airflow::read_runs(&text).map_err(|error| Failure::usage(format!("{error}: `{name}`")).hint(HINT))
}

/// Writes the report where it was asked for.
fn deliver(report: &Report, reported: &Reported, colour: Colour) -> Result<(), Failure> {
    let colour = if reported.output_file.is_some() { Colour::Off } else { colour };
    let mut text = Vec::new();
    match reported.output_format {
        OutputFormat::Full => report::full::write(report, colour, &mut text),
        OutputFormat::Json => report::json::write(report, &mut text),
    }
    .map_err(|error| Failure::internal(format!("the report cannot be rendered: {error}")))?;
    write_out(&text, reported.output_file.as_deref())
}

/// Undecided is never 0 or 1, whatever was found.
pub(super) fn exit(report: &Report, reported: &Reported) -> Exit {
    let least = match reported.fail_on {
        FailOn::Block => Level::Block,
        FailOn::Warn => Level::Warn,
        FailOn::Info => Level::Info,
    };
    match report.verdict {
        Verdict::Undecided => Exit::Incomplete,
        _ if reported.exit_zero => Exit::Completed,
        _ if report.worst().is_some_and(|worst| worst >= least) => Exit::Findings,
        _ => Exit::Completed,
    }
}

/// The trees that arguments name.
struct Trees<'a> {
    directory: &'a Path,
    /// The one to which the directory belongs, if it does.
    repository: Option<Repository>,
    sizes: Sizes,
    layout: Layout,
}

impl Trees<'_> {
    /// What of a tree is content from now on.
    fn follow(&mut self, layout: Layout) {
        self.layout = layout;
        self.repository = self.repository.take().map(|repository| repository.with_layout(layout));
    }

    /// A tree by its name; what a revision has in common with the tree beside it is there once, and its
    /// files are read once they are asked for.
    fn tree(&mut self, argument: &str, beside: Option<&Snapshot>) -> Result<Snapshot, Failure> {
        match named(argument, self.directory)? {
            Named::Folder(name) => folder(name, self.directory, self.layout),
            Named::Revision(name) => {
                // Says why there is none.
                let Some(repository) = &self.repository else {
                    return tree(argument, self.directory, self.layout);
                };
                Ok(repository.snapshot_to_ask(&name.of(repository)?, beside, &mut self.sizes)?)
            }
        }
    }
}

/// A tree as an argument names it, read as a whole: what is content by that layout.
pub(super) fn tree(argument: &str, directory: &Path, layout: Layout) -> Result<Snapshot, Failure> {
    match named(argument, directory)? {
        Named::Folder(name) => folder(name, directory, layout),
        Named::Revision(name) => {
            let repository = Repository::discover(directory)?.with_layout(layout);
            Ok(repository.snapshot(&name.of(&repository)?)?)
        }
    }
}

/// What an argument means.
enum Named<'a> {
    Folder(&'a str),
    Revision(Name<'a>),
}

/// A name of a commit.
enum Name<'a> {
    Revision(&'a str),
    MergeBase(&'a str),
}

impl Name<'_> {
    fn of(&self, repository: &Repository) -> Result<Revision, GitError> {
        match self {
            Self::Revision(revspec) => repository.resolve(revspec),
            Self::MergeBase(other) => repository.merge_base("HEAD", other),
        }
    }
}

/// Reads an argument: a directory, a git revision, `merge-base:REV`, `git:REV` or `dir:PATH`. An
/// existing directory wins over a revision of the same name.
fn named<'a>(argument: &'a str, directory: &Path) -> Result<Named<'a>, Failure> {
    let name = ["dir:", "git:", "merge-base:"].iter().find_map(|kind| argument.strip_prefix(kind)).unwrap_or(argument);
    if name.trim().is_empty() {
        // An unset variable of a CI job: no tree at all would be judged against itself.
        return Err(Failure::usage(format!("a tree is named by an empty text: `{argument}`"))
            .hint("name a directory or a git revision; in a CI job see that the variable in it is set"));
    }
    if let Some(path) = argument.strip_prefix("dir:") {
        return Ok(Named::Folder(path));
    }
    if let Some(other) = argument.strip_prefix("merge-base:") {
        return Ok(Named::Revision(Name::MergeBase(other)));
    }
    Ok(match argument.strip_prefix("git:") {
        Some(revspec) => Named::Revision(Name::Revision(revspec)),
        None if directory.join(argument).is_dir() => Named::Folder(argument),
        None => Named::Revision(Name::Revision(argument)),
    })
}

/// Whether two folders are compared of which the proposed one would lie beside the deployed one and is
/// not there: git and archives keep no empty folder, so that a side without a file has none.
fn is_gone_beside(proposed: &str, deployed: &str, directory: &Path) -> bool {
    let path = |argument: &str| directory.join(argument.strip_prefix("dir:").unwrap_or(argument));
    let (proposed, deployed) = (path(proposed), path(deployed));
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    deployed.is_dir() && !proposed.exists() && folder(&proposed).is_some_and(|of| Some(of) == folder(&deployed))
}

/// A directory, named in reports as it was named here; `.` is the working tree.
fn folder(name: &str, directory: &Path, layout: Layout) -> Result<Snapshot, Failure> {
    let read = git::working_tree_of(&directory.join(name), layout)?;
    if name == "." {
        return Ok(read);
    }
    let mut named = Snapshot::empty(Revision::new(name));
    read.files().for_each(|(path, file)| named.insert(path.clone(), file.clone()));
    read.refused().iter().cloned().for_each(|refusal| named.refuse(refusal));
    if let Some((path, file)) = read.config() {
        named.configure(path.clone(), file.clone());
    }
    Ok(named)
}
