//! Contracts between pieces of code: calls and signatures, deferrals and the methods they resume.

use crate::ids::TaskId;

/// What became of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A call in the code of tasks does not fit what it calls any more.
    CallMisfit(Breach),
    /// A name that the code of tasks uses is not there any more.
    SymbolGone(Breach),
    /// A callback fails when Airflow calls it, and did not; of a DAG and its tasks where none is named.
    CallbackFails(Breach),
    /// The method by which deferred instances go on is gone, or does not take what it is called with.
    ResumeRefused {
        /// Whether there is no such method.
        gone: bool,
        /// What fails.
        breach: Breach,
    },
    /// A trigger cannot be built any more from what deferred instances have stored.
    TriggerRefused {
        /// The stored class path.
        path: String,
        /// Whether nothing is there any more.
        gone: bool,
        /// What fails.
        breach: Breach,
    },
    /// The code of a trigger changed; a triggerer keeps the classes that it has loaded.
    TriggerChanged {
        /// The class path.
        path: String,
        /// The tasks that defer themselves with it.
        tasks: Vec<TaskId>,
    },
    /// A trigger is new in a module that a triggerer has loaded, and such a process does not look again.
    TriggerAdded {
        /// The class path.
        path: String,
        /// The tasks that defer themselves with it.
        tasks: Vec<TaskId>,
    },
    /// A template of tasks cannot be rendered any more: it names what nobody gives, a file that is not there, or is
    /// not closed.
    TemplateFails(Breach),
    /// An argument that holds a template, or the output of a task, is not rendered any more.
    TemplateFieldRemoved {
        /// The field.
        field: String,
        /// The tasks that give it such an argument.
        tasks: Vec<TaskId>,
        /// Whether a run that is pinned to a bundle version meets it too.
        pinned: bool,
    },
}

/// Something that fails in the proposed code and did not in the deployed one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Breach {
    /// The tasks that run the code.
    pub tasks: Vec<TaskId>,
    /// The function or method that it happens in.
    pub within: String,
    /// What Python will say.
    pub why: String,
    /// Whether an instance that starts meets it.
    pub at_start: bool,
    /// Whether an instance that is deferred meets it when it goes on.
    pub at_resume: bool,
    /// Whether a run that is pinned to a bundle version meets it too: plugins are not pinned.
    pub pinned: bool,
    /// Whether the code goes on all the same, with what nobody meant.
    pub goes_on: bool,
}

impl Code {
    pub(super) const WORDS: &[&str] = &[
        "call-misfit",
        "symbol-gone",
        "template-fails",
        "callback-fails",
        "resume-method-gone",
        "resume-signature-changed",
        "trigger-path-gone",
        "trigger-arguments-changed",
        "trigger-changed",
        "trigger-added",
        "template-field-removed",
    ];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::CallMisfit(_) => "call-misfit",
            Self::SymbolGone(_) => "symbol-gone",
            Self::TemplateFails(_) => "template-fails",
            Self::CallbackFails(_) => "callback-fails",
            Self::ResumeRefused { gone: true, .. } => "resume-method-gone",
            Self::ResumeRefused { .. } => "resume-signature-changed",
            Self::TriggerRefused { gone: true, .. } => "trigger-path-gone",
            Self::TriggerRefused { .. } => "trigger-arguments-changed",
            Self::TriggerChanged { .. } => "trigger-changed",
            Self::TriggerAdded { .. } => "trigger-added",
            Self::TemplateFieldRemoved { .. } => "template-field-removed",
        }
    }

    /// The tasks that it concerns.
    pub fn tasks(&self) -> &[TaskId] {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. }
            | Self::TriggerRefused { breach, .. } => &breach.tasks,
            Self::TriggerChanged { tasks, .. }
            | Self::TriggerAdded { tasks, .. }
            | Self::TemplateFieldRemoved { tasks, .. } => tasks,
        }
    }

    fn tasks_mut(&mut self) -> &mut Vec<TaskId> {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. }
            | Self::TriggerRefused { breach, .. } => &mut breach.tasks,
            Self::TriggerChanged { tasks, .. }
            | Self::TriggerAdded { tasks, .. }
            | Self::TemplateFieldRemoved { tasks, .. } => tasks,
        }
    }

    /// What fails, where something does.
    pub(in crate::diff) fn breach(&self) -> Option<&Breach> {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. }
            | Self::TriggerRefused { breach, .. } => Some(breach),
            Self::TriggerChanged { .. } | Self::TriggerAdded { .. } | Self::TemplateFieldRemoved { .. } => None,
        }
    }

    /// Says that a run which is pinned to a bundle version meets it too.
    pub(in crate::diff) fn reaches_pinned(&mut self) {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. }
            | Self::TriggerRefused { breach, .. } => breach.pinned = true,
            Self::TemplateFieldRemoved { pinned, .. } => *pinned = true,
            Self::TriggerChanged { .. } | Self::TriggerAdded { .. } => {}
        }
    }

    /// Whether both say the same of different tasks.
    pub(in crate::diff) fn is_of_another_task(&self, other: &Self) -> bool {
        let (mut one, mut other) = (self.clone(), other.clone());
        one.tasks_mut().clear();
        other.tasks_mut().clear();
        one == other
    }

    /// Says the same of one task more.
    pub(in crate::diff) fn add(&mut self, task_id: &TaskId) {
        let tasks = self.tasks_mut();
        if !tasks.contains(task_id) {
            tasks.push(task_id.clone());
        }
    }

    /// The first of the tasks that it concerns.
    pub(super) fn subject(&self) -> Option<String> {
        self.tasks().first().map(ToString::to_string)
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. } => breach.within.clone(),
            Self::TriggerRefused { path, .. } | Self::TriggerChanged { path, .. } | Self::TriggerAdded { path, .. } => {
                path.clone()
            }
            Self::TemplateFieldRemoved { field, .. } => field.clone(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::CallMisfit(breach)
            | Self::SymbolGone(breach)
            | Self::TemplateFails(breach)
            | Self::CallbackFails(breach)
            | Self::ResumeRefused { breach, .. }
            | Self::TriggerRefused { breach, .. } => breach.why.clone(),
            Self::TriggerChanged { .. } | Self::TriggerAdded { .. } | Self::TemplateFieldRemoved { .. } => {
                String::new()
            }
        }
    }
}
