//! What is looked up beside the runs in flight: each on demand, each optional, and where it could not
//! be had "not checked". The snapshot's file holds these shapes as they are.

use super::{Answer, StoredValue};
use crate::ids::{DagId, MapIndex, RunId, TaskId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Something that can be asked for beside the runs in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extra {
    /// [`Details::tasks`] of the DAGs asked for; where all are, of those with runs in flight.
    Tasks,
    /// [`Details::durations`] of the same DAGs.
    Durations,
    /// [`Details::import_errors`].
    ImportErrors,
    /// [`Details::assets`].
    Assets,
}

/// The answers; what was not asked is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The tasks of a DAG as Airflow has them now: what the model says of the deployed text can be
    /// held against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<OfDag<Vec<LiveTask>>>,
    /// How long the latest runs that succeeded took, the latest first, in milliseconds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub durations: Vec<OfDag<Vec<u64>>>,
    /// Types of stored XComs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<StoredTypes>,
    /// Files that could not be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_errors: Option<Answer<Vec<ImportError>>>,
    /// Datasets (Airflow 2) or assets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<Answer<Vec<Asset>>>,
    /// How many slots pools have, of those that were asked for and exist; -1 is no limit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pool_slots: BTreeMap<String, i64>,
}

impl Details {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An answer about one DAG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfDag<T> {
    /// Which.
    pub dag_id: DagId,
    /// What was answered.
    pub answer: Answer<T>,
}

/// A task of a DAG as Airflow has it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTask {
    /// Its id.
    pub task_id: TaskId,
    /// The operator's class.
    pub operator: String,
    /// Where that class is defined.
    pub module: Option<String>,
    /// Whether the operator itself is expanded; the tasks of a mapped group are not marked so.
    pub is_mapped: bool,
}

/// What is stored of an XCom for the runs in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTypes {
    /// Which XCom.
    #[serde(flatten)]
    pub value: StoredValue,
    /// One for each task instance that has stored it.
    pub types: Answer<Vec<StoredType>>,
}

/// The type of one stored XCom; its value is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredType {
    /// The run.
    pub run_id: RunId,
    /// The index of the task instance.
    pub map_index: MapIndex,
    /// The type, as JSON has it: a tuple is a list, an object of a class is an object.
    pub kind: ValueKind,
}

/// Types of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// A dict, or an object of a class.
    Object,
}

/// A file that Airflow could not load. The trace is not kept: it may quote what it should not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportError {
    /// As the server names it: absolute on 2.x, relative to its bundle on 3.x.
    pub file: String,
    /// The bundle (Airflow 3).
    pub bundle: Option<String>,
    /// The exception's class.
    pub exception: Option<String>,
    /// When it was seen.
    pub at: Option<Timestamp>,
}

/// A dataset or asset and who has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its URI; on Airflow 3 its name may be another.
    pub uri: String,
    /// Tasks that update it.
    pub producers: BTreeSet<(DagId, TaskId)>,
    /// DAGs that run when it is updated.
    pub consumers: BTreeSet<DagId>,
}
