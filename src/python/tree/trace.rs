//! What an evaluation asked of the tree: while a new tree gives the same answers, the evaluation
//! would give the same result.

use super::{Delivered, Located};
use crate::content::{BlobId, ContentPath, HomePath};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A question that decides something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Question {
    /// What a dotted name leads to, looked for in these folders.
    Name(Arc<str>, Arc<[String]>),
    /// What a file below `$AIRFLOW_HOME` holds.
    Content(HomePath),
    /// What is in a folder there.
    Folder(HomePath),
}

/// An answer in words that mean the same in every tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Answer {
    Module(HomePath),
    Either(HomePath, HomePath),
    Namespace,
    Missing(usize, bool),
    Outside,
    /// Also by which path the repository has it: places say so.
    Content(Option<(BlobId, ContentPath)>),
    Folder(Option<Box<[Box<str>]>>),
}

impl Delivered {
    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Name(dotted, roots) => match self.locate_below(dotted, roots) {
                Located::File(file) => Answer::Module(self.files[file].home.clone()),
                Located::Either(one, other) => {
                    Answer::Either(self.files[one].home.clone(), self.files[other].home.clone())
                }
                Located::Namespace => Answer::Namespace,
                Located::Missing(found, closed) => Answer::Missing(found, closed),
                Located::Outside => Answer::Outside,
            },
            Question::Content(home) => Answer::Content(self.at_home(home.as_str()).map(|file| {
                let file = &self.files[file];
                (file.id, file.path.clone())
            })),
            Question::Folder(folder) => {
                let names = self.names_in(folder.as_str());
                Answer::Folder(names.map(|names| names.into_iter().map(Into::into).collect()))
            }
        }
    }
}

/// A question with its answer, shared by all whose evaluations asked it.
#[derive(Clone, Debug)]
pub(crate) struct Answered(Arc<Known>);

#[derive(Debug)]
struct Known {
    question: Question,
    answer: Answer,
    /// The last [`Answers`] that was asked, by its number, and whether it agreed: many evaluations
    /// have asked the same.
    agreed: AtomicU64,
}

impl Answered {
    fn new(question: Question, answer: Answer) -> Self {
        Self(Arc::new(Known { question, answer, agreed: AtomicU64::new(0) }))
    }

    fn parts(&self) -> (&Question, &Answer) {
        (&self.0.question, &self.0.answer)
    }
}

impl PartialEq for Answered {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.parts() == other.parts()
    }
}

impl Eq for Answered {}

impl PartialOrd for Answered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl Serialize for Answered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Answered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(|(question, answer)| Self::new(question, answer))
    }
}

/// Questions and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace(Vec<Answered>);

impl Trace {
    /// Of these questions and answers.
    pub(crate) fn of(answered: Vec<Answered>) -> Self {
        Self(answered)
    }

    /// The files that were there when their contents were asked for.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &HomePath> {
        self.0.iter().filter_map(|answered| match answered.parts() {
            (Question::Content(home), Answer::Content(Some(_))) => Some(home),
            _ => None,
        })
    }

    /// All of them, in order.
    pub(crate) fn answered(&self) -> &[Answered] {
        &self.0
    }
}

/// What has been answered of one tree, each question once.
#[derive(Default)]
pub(super) struct Answering(HashMap<Question, Answered>);

impl Answering {
    /// The questions with this tree's answers.
    pub(super) fn trace(&mut self, asked: BTreeSet<Question>, delivered: &Delivered) -> Trace {
        let answered = |question: Question| {
            if let Some(known) = self.0.get(&question) {
                return known.clone();
            }
            let answered = Answered::new(question.clone(), delivered.answer(&question));
            self.0.insert(question, answered.clone());
            answered
        };
        Trace(asked.into_iter().map(answered).collect())
    }
}

/// The answers of one tree, each found once for all who asked it together.
pub(crate) struct Answers<'d> {
    delivered: &'d Delivered,
    /// Another one for each, never 0.
    number: u64,
}

impl<'d> Answers<'d> {
    /// Nothing is asked yet.
    pub(crate) fn new(delivered: &'d Delivered) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { delivered, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether this tree answers all that was asked as the other one did.
    pub(crate) fn agree(&self, trace: &Trace) -> bool {
        trace.0.iter().all(|answered| self.agrees(answered))
    }

    fn agrees(&self, answered: &Answered) -> bool {
        let Known { question, answer, agreed } = &*answered.0;
        let mark = agreed.load(Ordering::Relaxed);
        if mark >> 1 == self.number {
            return mark & 1 == 1;
        }
        let agrees = match (question, answer) {
            // Most are such: nothing is copied for them.
            (Question::Content(home), Answer::Content(then)) => {
                let file = self.delivered.at_home(home.as_str()).map(|file| &self.delivered.files[file]);
                file.map(|file| (&file.id, &file.path)) == then.as_ref().map(|(id, path)| (id, path))
            }
            _ => self.delivered.answer(question) == *answer,
        };
        agreed.store(self.number << 1 | u64::from(agrees), Ordering::Relaxed);
        agrees
    }
}
