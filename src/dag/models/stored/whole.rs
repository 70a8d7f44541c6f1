//! The model of one tree as it is kept, to be found again by what the tree holds.
//!
//! Invariants: it is found only by the same build of the program, for a tree of the same files with the
//! same contents; so it depends on nothing else and can not be out of date.

use super::super::base::{Asked, Base, tree_of};
use super::{Head, Stored, Writer, of};
use crate::content::{ContentPath, Kept, Layout, Snapshot};
use crate::dag::inside::{Names, in_list, of_list, sum};
use crate::dag::{Dag, Model, PassedOver, Reaches, code};
use crate::ids::AirflowVersion;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What tells a tree and how it was read from all others.
type Digest = [u8; 32];

/// Magic, fingerprint of the build, release, digest of the tree, length and sum of the index.
const HEADER: usize = 8 + 16 + RELEASE + 32 + 8 + 8;
/// Its three parts; nothing but zeros for none.
const RELEASE: usize = 3 * 4;
/// With what the bytes begin.
const MODEL: [u8; 8] = *b"dagmodel";
/// An index is no longer than this, nor are the insides behind it.
const LONGEST: u64 = 256 << 20;

type Paths = Arc<BTreeSet<ContentPath>>;

#[derive(Default, Serialize, Deserialize)]
struct Index {
    sets: Vec<Paths>,
    names: Vec<Names>,
    dags: Vec<Of>,
    passed_over: Vec<Of>,
    /// Modules, and their sets of the `sets`.
    imports: Vec<(ContentPath, u32)>,
    asked: Asked,
}

/// A DAG, and its sets of what it imports and reads.
#[derive(Serialize, Deserialize)]
struct Of {
    head: Head,
    imports: u32,
    data: u32,
}

/// The digest of a tree; none for a layout of which nothing is kept.
fn digest(snapshot: &Snapshot, (layout, airflow): (Layout, Option<AirflowVersion>)) -> Option<Digest> {
    let mut hash = Sha256::new();
    hash.update(postcard::to_allocvec(&(layout, airflow)).ok()?);
    let mut bytes = Vec::new();
    for (path, file) in snapshot.files() {
        bytes.clear();
        bytes.extend(file.id.as_bytes());
        bytes.push(file.mode as u8);
        bytes.extend((path.as_str().len() as u64).to_le_bytes());
        bytes.extend(path.as_str().as_bytes());
        hash.update(&bytes);
    }
    Some(hash.finalize().into())
}

impl Stored {
    /// The model of that tree, where it is kept.
    pub(in super::super) fn model(
        &self,
        snapshot: &Snapshot,
        (layout, airflow): (Layout, Option<AirflowVersion>),
    ) -> Option<Base> {
        let kept = self.model.as_ref()?;
        let header = kept.read(0, HEADER)?;
        let (magic, rest) = header.split_at(MODEL.len());
        let (of_build, rest) = rest.split_at(self.build.0.len());
        let (_, rest) = rest.split_at(RELEASE);
        let (of_tree, rest) = rest.split_at(32);
        let (length, of_index) = rest.split_at(8);
        if magic != MODEL || of_build != self.build.0 || of_tree != digest(snapshot, (layout, airflow))? {
            return None;
        }
        let length = u64::from_le_bytes(length.try_into().ok()?);
        let insides = (HEADER as u64).checked_add(length)?;
        if length > LONGEST || insides > kept.length() {
            return None;
        }
        let bytes = kept.read(HEADER as u64, usize::try_from(length).ok()?)?;
        if sum(&bytes).to_le_bytes() != of_index {
            return None;
        }
        let Index { sets, names, dags, passed_over, imports, asked } = of_list(&bytes)?;
        let all = |own: Vec<Of>| own.into_iter().map(|own| self.whole(own, (&sets, &names), kept, insides)).collect();
        let (dags, passed_over): (Option<Vec<_>>, Option<Vec<_>>) = (all(dags), all(passed_over));
        let imports: Option<BTreeMap<_, _>> =
            imports.into_iter().map(|(path, set)| Some((path, of(&sets, set)?))).collect();
        let tree = tree_of(snapshot, layout, airflow);
        let model = Model {
            dags: dags?,
            errors: Vec::new(),
            imports: Arc::new(imports?),
            passed_over: PassedOver { dags: passed_over?, errors: BTreeSet::new() },
            sources: code::Sources::new(tree.clone(), airflow),
        };
        let mut base = Base::new((snapshot, tree), (layout, airflow), model, asked)?;
        base.is_kept = true;
        Some(base)
    }

    /// The release for which the model that is kept was built, and the digest of its tree.
    fn kept_of(&self) -> Option<([u8; RELEASE], Digest)> {
        let header = self.model.as_ref()?.read(0, HEADER)?;
        let rest = header.strip_prefix(&MODEL)?.strip_prefix(&self.build.0)?;
        let (release, rest) = rest.split_first_chunk()?;
        Some((*release, *rest.first_chunk()?))
    }

    /// The release of Airflow for which the model that is kept was built, if it was for one.
    pub(in super::super) fn release(&self) -> Option<AirflowVersion> {
        let (release, _) = self.kept_of()?;
        let [major, minor, patch] = [0, 1, 2].map(|part| {
            let digits = release[part * 4..].first_chunk().copied();
            u32::from_le_bytes(digits.unwrap_or_default())
        });
        (major > 0).then_some(AirflowVersion { major, minor, patch })
    }

    fn whole(
        &self,
        of_dag: Of,
        (sets, names): (&[Paths], &[Names]),
        kept: &Arc<dyn Kept>,
        insides: u64,
    ) -> Option<Arc<Dag>> {
        let mut dag = self.dag(of_dag.head, names, kept, insides)?;
        let reaches =
            Reaches { file: dag.file.clone(), imports: of(sets, of_dag.imports)?, data: of(sets, of_dag.data)? };
        Arc::make_mut(&mut dag).reaches = reaches;
        Some(dag)
    }

    /// What the next run is to find of the model of that tree; none where it finds it already.
    pub(in super::super) fn model_to_keep(&self, base: &Base) -> Option<Vec<u8>> {
        if self.lost() || base.is_kept {
            return None;
        }
        let digest = digest(&base.snapshot, base.read_as())?;
        // It was there, and too much differed from it to be of use.
        if self.kept_of().is_some_and(|(_, kept)| kept == digest) {
            return None;
        }
        let mut writer = Writer::default();
        let mut sets = Sets::default();
        let mut all = |dags: &[Arc<Dag>]| {
            let of_dag = |dag: &Arc<Dag>| {
                let head = writer.head(dag, &dag.inside.to_keep()?)?;
                Some(Of { head, imports: sets.number(&dag.reaches.imports), data: sets.number(&dag.reaches.data) })
            };
            dags.iter().map(of_dag).collect::<Option<Vec<_>>>()
        };
        let model = &base.model;
        let (dags, passed_over) = (all(&model.dags)?, all(&model.passed_over.dags)?);
        let imports = model.imports.iter().map(|(path, to)| (path.clone(), sets.number(to))).collect();
        let Writer { insides, names, .. } = writer;
        let asked = base.asked.clone();
        let index = Index { sets: sets.all, names: names.all, dags, passed_over, imports, asked };
        let index = in_list(&index)?;
        if (index.len() + insides.len()) as u64 > LONGEST {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEADER + index.len() + insides.len());
        bytes.extend(MODEL);
        bytes.extend(self.build.0);
        let (_, airflow) = base.read_as();
        let release = airflow.map_or([0; 3], |airflow| [airflow.major, airflow.minor, airflow.patch]);
        bytes.extend(release.map(u32::to_le_bytes).concat());
        bytes.extend(digest);
        bytes.extend((index.len() as u64).to_le_bytes());
        bytes.extend(sum(&index).to_le_bytes());
        bytes.extend(index);
        bytes.extend(insides);
        Some(bytes)
    }
}

/// Sets of paths, those that are shared once.
#[derive(Default)]
struct Sets {
    all: Vec<Paths>,
    numbers: BTreeMap<*const BTreeSet<ContentPath>, u32>,
}

impl Sets {
    fn number(&mut self, set: &Paths) -> u32 {
        *self.numbers.entry(Arc::as_ptr(set)).or_insert_with(|| {
            self.all.push(set.clone());
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
