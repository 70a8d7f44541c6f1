//! What an evaluation asked of the tree: while a new tree gives the same answers, the evaluation
//! would give the same result.

use super::{Delivered, Located};
use crate::content::{BlobId, HomePath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A question that decides something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// What a dotted name leads to, looked for in these folders.
    Name(Arc<str>, Arc<[String]>),
    /// What a file below `$AIRFLOW_HOME` holds.
    Content(HomePath),
    /// What is in a folder there.
    Folder(HomePath),
}

/// An answer in words that mean the same in every tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Module(HomePath),
    Either(HomePath, HomePath),
    Namespace,
    Missing(usize, bool),
    Outside,
    Content(Option<BlobId>),
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
            Question::Content(home) => Answer::Content(self.at_home(home.as_str()).map(|file| self.files[file].id)),
            Question::Folder(folder) => {
                Answer::Folder(self.folders.get(folder).map(|names| names.iter().cloned().collect()))
            }
        }
    }
}

/// A question with its answer, shared by all whose evaluations asked it.
type Answered = Arc<(Question, Answer)>;

/// Questions and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace(Vec<Answered>);

/// What has been answered of one tree, each question once.
#[derive(Default)]
pub(super) struct Answering(BTreeMap<Question, Answered>);

impl Answering {
    /// The questions with this tree's answers.
    pub(super) fn trace(&mut self, asked: BTreeSet<Question>, delivered: &Delivered) -> Trace {
        let answered = |question: Question| {
            if let Some(known) = self.0.get(&question) {
                return known.clone();
            }
            let answered = Arc::new((question.clone(), delivered.answer(&question)));
            self.0.insert(question, answered.clone());
            answered
        };
        Trace(asked.into_iter().map(answered).collect())
    }
}

/// The answers of one tree, each found once.
pub(crate) struct Answers<'d> {
    delivered: &'d Delivered,
    known: BTreeMap<Question, Answer>,
}

impl<'d> Answers<'d> {
    /// Nothing is asked yet.
    pub(crate) fn new(delivered: &'d Delivered) -> Self {
        Self { delivered, known: BTreeMap::new() }
    }

    /// Whether this tree answers all that was asked as the other one did.
    pub(crate) fn agree(&mut self, trace: &Trace) -> bool {
        let mut answered = |question: &Question, answer: &Answer| {
            if let Some(known) = self.known.get(question) {
                return known == answer;
            }
            let known = self.delivered.answer(question);
            let agree = known == *answer;
            self.known.insert(question.clone(), known);
            agree
        };
        trace.0.iter().all(|then| {
            let (question, answer) = &**then;
            answered(question, answer)
        })
    }
}
