//! Does what `step` says, with the real git, disk and clock.

use super::lines::say;
use super::step::{Effect, Event, Failure, Line, Outcome, Proposal, State, step};
use super::watch::{Delivered, Watch};
use super::{FirstDelivery, Judge, Judgement, OnDrift, Settings};
use crate::content::{BlobId, Operation, Plan, Refusal, Revision, Snapshot, Step};
use crate::git::{Contents, GitError, Upstream};
use crate::publish::{self, Home, Kind, Look, Observed, PublishError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Runs the loop until `shutdown` is ready, or through one pass.
///
/// A delivery that is being carried out is ended first; whatever else is under way is dropped,
/// what is deployed stays. Needs a tokio runtime with time.
pub async fn run<J: Judge>(settings: Settings, judge: &J, shutdown: impl Future<Output = ()>) -> Outcome {
    let mut shutdown = pin!(shutdown);
    let watch = watch(&settings);
    let clock = Instant::now();
    let mut state = State::new(settings.interval, settings.once, settings.bootstrap);
    let mut driver = Driver { settings: Arc::new(settings), judge, home: None, pass: None, passes: 0 };
    // From the end of a delivery on: what this program does itself is no drift.
    let mut delivered: Option<Delivered> = None;
    let mut event = Event::Due;
    let mut span = tracing::info_span!("pass");
    loop {
        let (next, effects) = step(state, event, clock.elapsed());
        state = next;
        let mut todo = Effect::Wait(driver.settings.interval);
        for effect in effects {
            match effect {
                Effect::Say(line) => span.in_scope(|| {
                    say(&line, driver.settings.upstream.branch());
                    if line == Line::Started {
                        driver.settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                    }
                }),
                Effect::Hold { revision, reasons, undecided } => driver.note_hold(revision, reasons, undecided).await,
                Effect::End(outcome) => return outcome,
                other => todo = other,
            }
        }
        event = match todo {
            Effect::Wait(time) => {
                driver.pass = None;
                span = tracing::info_span!("pass");
                let delivered = delivered.get_or_insert_with(|| driver.delivered());
                tokio::select! {
                    biased;
                    () = &mut shutdown => Event::Shutdown,
                    () = tokio::time::sleep(time) => Event::Due,
                    () = saved(watch.as_ref()) => Event::Due,
                    () = delivered.changed() => Event::Due,
                }
            }
            // Both may be past a commit point; they take as long as the disk does.
            effect @ (Effect::Open | Effect::Publish | Effect::Repair) => {
                delivered = None;
                driver.act(effect).instrument(span.clone()).await
            }
            effect => tokio::select! {
                biased;
                () = &mut shutdown => Event::Shutdown,
                event = driver.act(effect).instrument(span.clone()) => event,
            },
        };
    }
}

/// Watches the folder, where the content comes from one. Without it, the interval alone counts.
fn watch(settings: &Settings) -> Option<Watch> {
    let Upstream::Folder(folder) = &settings.upstream else { return None };
    // Events name the real path, and the home may not be there yet.
    let home = std::fs::canonicalize(&settings.home).or_else(|_| std::path::absolute(&settings.home));
    match Watch::new(folder.path(), &home.unwrap_or_else(|_| settings.home.clone())) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!(folder = %folder.path().display(), error, "the folder cannot be watched, it is looked at each interval");
            None
        }
    }
}

/// Ready when a file was saved; never, where nothing is watched.
async fn saved(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// What one pass holds in memory; dropped when it is over, so that the idle program is small.
struct Pass {
    revision: Revision,
    proposed: Option<Arc<Snapshot>>,
    /// What is on disk.
    observed: Option<Arc<Observed>>,
    /// What the plan starts from: the same, or without what others did where that is to stay.
    base: Option<Arc<Observed>>,
    plan: Option<Arc<Plan>>,
    /// Where to look for what of the proposed tree could not be read.
    contents: Option<Contents>,
}

/// Each pass so many reads every delivered file, whatever the file system says of it.
const PASSES_TO_CONTENT: u32 = 12;

struct Driver<'a, J> {
    settings: Arc<Settings>,
    judge: &'a J,
    home: Option<Arc<Home>>,
    pass: Option<Pass>,
    passes: u32,
}

impl<J: Judge> Driver<'_, J> {
    async fn act(&mut self, effect: Effect) -> Event {
        let result = match effect {
            Effect::Open => self.open().await,
            Effect::Fetch => self.fetch().await,
            Effect::Compare => self.compare().await,
            Effect::Judge(first) => self.ask(first).await,
            Effect::Publish => self.publish().await,
            Effect::Repair => self.repair().await,
            Effect::Wait(_) | Effect::Say(_) | Effect::Hold { .. } | Effect::End(_) => Ok(Event::Due),
        };
        match result {
            Ok(event) => event,
            Err(Fault::Failed(failure)) => Event::Failed(failure),
            Err(Fault::Panicked) => {
                self.home = None;
                self.pass = None;
                Event::Panicked
            }
        }
    }

    async fn open(&mut self) -> Result<Event, Fault> {
        let settings = self.settings.clone();
        let (home, deployed) = blocking(move || {
            let home = Home::open(settings.places(), settings.delivery.options)?;
            let observed = home.observe(&nothing(), settings.layout, Look::Stamps)?;
            let whole = observed.kind == Kind::Recorded && observed.drift.is_empty();
            Ok::<_, PublishError>((home, whole.then_some(observed.revision)))
        })
        .await??;
        let recovered = home.recovered().cloned();
        self.home = Some(Arc::new(home));
        Ok(Event::Opened { recovered, deployed })
    }

    async fn fetch(&mut self) -> Result<Event, Fault> {
        let upstream = self.settings.upstream.clone();
        let fetched = match blocking(move || upstream.fetch()).await? {
            Err(error) if error.refused().is_some() => {
                let revision = error.refused().cloned().ok_or(Fault::Panicked)?;
                return Ok(Event::Refused { revision, reason: error.to_string() });
            }
            fetched => fetched?,
        };
        let revision = fetched.revision;
        self.pass = Some(Pass {
            revision: revision.clone(),
            proposed: None,
            observed: None,
            base: None,
            plan: None,
            contents: None,
        });
        Ok(Event::Fetched { revision, is_tag: fetched.is_tag, ancestry: fetched.ancestry })
    }

    async fn compare(&mut self) -> Result<Event, Fault> {
        let (settings, home) = (self.settings.clone(), self.home()?);
        let look = if self.passes % PASSES_TO_CONTENT == PASSES_TO_CONTENT - 1 { Look::Content } else { Look::Stamps };
        self.passes = self.passes.wrapping_add(1);
        let pass = self.pass.as_mut().ok_or(Fault::Panicked)?;
        let revision = pass.revision.clone();
        let compared = blocking(move || compare(&settings, &home, &revision, look)).await??;
        let (observed, base) = (compared.observed, compared.base);
        let on_drift = self.settings.delivery.drift;
        let proposal = Proposal {
            kind: observed.kind,
            deployed: observed.revision.clone(),
            drift: if on_drift == OnDrift::Ignore { Vec::new() } else { observed.drift.clone() },
            repairs: on_drift == OnDrift::Repair,
            unsettled: observed.unsettled,
            left_out: compared.proposed.as_ref().map(|proposed| proposed.left_out().to_vec()).unwrap_or_default(),
            steps: compared.steps.as_ref().map(|plan| (plan.writes(), plan.removals())).map_err(Clone::clone),
            policy: compared.policy,
        };
        pass.observed = Some(observed);
        pass.base = Some(base);
        pass.proposed = compared.proposed.map(Arc::new);
        pass.plan = compared.steps.ok().map(Arc::new);
        pass.contents = compared.contents;
        Ok(Event::Compared(proposal))
    }

    async fn ask(&mut self, first: FirstDelivery) -> Result<Event, Fault> {
        let settings = self.settings.clone();
        let pass = self.pass.as_ref().ok_or(Fault::Panicked)?;
        let proposed = pass.proposed.clone().ok_or(Fault::Panicked)?;
        let observed = pass.observed.clone().ok_or(Fault::Panicked)?;
        let contents = pass.contents.clone();
        let deployed = blocking(move || publish::deployed(settings.places(), &observed, settings.layout)).await??;
        let mut judgement = unpanicked(self.judge.judge(&deployed, &proposed, first)).await?;
        if contents.as_ref().and_then(Contents::fault).is_some() {
            // Something of it could not be read, and is fetched once more.
            self.judge.forget();
            let (upstream, revision) = (self.settings.upstream.clone(), proposed.revision().clone());
            let whole = Arc::new(blocking(move || upstream.snapshot(&revision)).await??);
            judgement = unpanicked(self.judge.judge(&deployed, &whole, first)).await?;
            if let Some(pass) = &mut self.pass {
                pass.proposed = Some(whole);
            }
        }
        Ok(Event::Judged(judgement))
    }

    async fn publish(&mut self) -> Result<Event, Fault> {
        let (settings, home) = (self.settings.clone(), self.home()?);
        let pass = self.pass.as_ref().ok_or(Fault::Panicked)?;
        let proposed = pass.proposed.clone().ok_or(Fault::Panicked)?;
        let base = pass.base.clone().ok_or(Fault::Panicked)?;
        let plan = pass.plan.clone().ok_or(Fault::Panicked)?;
        let published = blocking(move || -> Result<_, Fault> {
            let published = home.publish(&base, &proposed, &plan, settings.layout)?;
            // A cache's bookkeeping: the delivery is done, whatever becomes of this.
            if let Err(error) = settings.upstream.keep(&published.revision) {
                tracing::debug!(%error, "the deployed commit is not kept in the store");
            }
            Ok(published)
        })
        .await??;
        Ok(Event::Published(published))
    }

    /// Puts back what is deployed while a newer commit is held.
    async fn repair(&mut self) -> Result<Event, Fault> {
        let (settings, home) = (self.settings.clone(), self.home()?);
        let pass = self.pass.as_ref().ok_or(Fault::Panicked)?;
        // Drift that is to stay is in no plan.
        let observed = pass.base.clone().ok_or(Fault::Panicked)?;
        let repaired = blocking(move || -> Result<_, Fault> {
            settings.upstream.recall(&observed.revision)?;
            let deployed = settings.upstream.snapshot(&observed.revision)?;
            let plan = settings
                .delivery
                .planner
                .plan(&observed.manifest, &deployed, settings.layout)
                .map_err(|refusals| Fault::Failed(refused(&refusals)))?;
            Ok(home.publish(&observed, &deployed, &plan, settings.layout)?)
        })
        .await?;
        match repaired {
            Ok(published) => Ok(Event::Repaired(Ok(published))),
            Err(Fault::Failed(failure)) => Ok(Event::Repaired(Err(failure))),
            Err(Fault::Panicked) => Err(Fault::Panicked),
        }
    }

    /// Watches the delivered folders, where it matters what others do there.
    fn delivered(&self) -> Delivered {
        match (&self.home, self.settings.delivery.drift) {
            (Some(home), OnDrift::Repair | OnDrift::Report) => Delivered::new(home.places()),
            _ => Delivered::none(),
        }
    }

    /// Bookkeeping for `status`: what becomes of it changes nothing.
    async fn note_hold(&self, revision: Revision, reasons: Vec<String>, undecided: bool) {
        let Ok(home) = self.home() else { return };
        let noted = blocking(move || home.hold(&revision, &reasons, undecided)).await;
        if let Ok(Err(error)) = noted {
            tracing::debug!(%error, "the hold is not noted");
        }
    }

    fn home(&self) -> Result<Arc<Home>, Fault> {
        self.home.clone().ok_or(Fault::Panicked)
    }
}

/// What one comparison found.
struct Compared {
    observed: Arc<Observed>,
    base: Arc<Observed>,
    proposed: Option<Snapshot>,
    steps: Result<Plan, Vec<Refusal>>,
    policy: bool,
    contents: Option<Contents>,
}

/// What is to be done, or what speaks against it.
type Steps = Result<Plan, Vec<Refusal>>;

/// The proposed tree and the steps to it. Of what is deployed already nothing is read; what is to be
/// written is at hand, and what is damaged is fetched once more.
fn planned(
    settings: &Settings,
    (proposed, contents): (Snapshot, Option<Contents>),
    plan: impl Fn(&Snapshot) -> Result<Steps, Fault>,
) -> Result<(Snapshot, Option<Contents>, Steps), Fault> {
    let steps = plan(&proposed)?;
    let is_sound = |step: &Step| match &step.operation {
        Operation::Write { source, id, .. } => proposed.get(source).is_some_and(|file| BlobId::of(&file.bytes) == *id),
        Operation::Remove => true,
    };
    let sound = steps.iter().flat_map(|plan| &plan.steps).all(is_sound);
    if sound && contents.as_ref().and_then(Contents::fault).is_none() {
        return Ok((proposed, contents, steps));
    }
    let proposed = settings.upstream.snapshot(proposed.revision())?;
    let steps = plan(&proposed)?;
    Ok((proposed, None, steps))
}

fn compare(settings: &Settings, home: &Home, revision: &Revision, look: Look) -> Result<Compared, Fault> {
    let mut observed = Arc::new(home.observe(&nothing(), settings.layout, look)?);
    let keeps = settings.delivery.drift != OnDrift::Repair;
    let base_of = |observed: &Arc<Observed>| {
        if keeps { Arc::new(Observed::clone(observed).without_drift()) } else { Arc::clone(observed) }
    };
    let mut base = base_of(&observed);
    if base.is_at(revision) {
        // The common pass: not even the tree is read.
        let steps = Ok(Plan::default());
        return Ok(Compared { observed, base, proposed: None, steps, policy: false, contents: None });
    }
    let (proposed, contents) = settings.upstream.snapshot_to_ask(revision, &observed.outline())?;
    if observed.kind != Kind::Recorded {
        // Without a record the proposed tree says which shared folders to look at.
        observed = Arc::new(home.observe(&proposed, settings.layout, look)?);
        base = base_of(&observed);
    }
    let steps = |proposed: &Snapshot| -> Result<Steps, Fault> {
        let steps = settings.delivery.planner.plan(&base.manifest, proposed, settings.layout);
        let Ok(plan) = &steps else { return Ok(steps) };
        let refusals = home.refusals(&base, proposed, plan, settings.layout)?;
        Ok(if refusals.is_empty() { steps } else { Err(refusals) })
    };
    let (proposed, contents, steps) = planned(settings, (proposed, contents), steps)?;
    let ours = proposed.config().map(|(path, file)| (path, file.id));
    // What the deployed commit says of the rules is looked up in it, so it must be there.
    settings.upstream.recall(&observed.revision)?;
    let known = settings.upstream.configuration(&observed.revision);
    let policy = known.as_ref().map(|(path, file)| (path, file.id)) != ours;
    Ok(Compared { observed, base, proposed: Some(proposed), steps, policy, contents })
}

fn refused(refusals: &[Refusal]) -> Failure {
    let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    Failure { error: reasons.join("; "), transient: false, fatal: false }
}

fn nothing() -> Snapshot {
    Snapshot::empty(Revision::new("nothing"))
}

/// Why an effect has no answer.
enum Fault {
    Failed(Failure),
    Panicked,
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        Self::Failed(Failure { transient: error.is_transient(), error: error.to_string(), fatal: false })
    }
}

impl From<PublishError> for Fault {
    fn from(error: PublishError) -> Self {
        let fatal = matches!(
            error,
            PublishError::NotWritable { .. } | PublishError::LinkedRoot { .. } | PublishError::NewerState { .. }
        );
        Self::Failed(Failure { transient: error.is_transient(), error: error.to_string(), fatal })
    }
}

/// Runs blocking work in a thread of its own. Not in the runtime's pool: that is waited for when
/// the program ends, and a fetch from a silent server may outlive the pod's grace time.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let (send, receive) = oneshot::channel();
    let span = tracing::Span::current();
    std::thread::spawn(move || {
        let result = span.in_scope(work);
        // Nobody waits any more when the program is about to end.
        send.send(result).ok();
    });
    receive.await.map_err(|_| Fault::Panicked)
}

/// Polls a judge, whose panic is the end of the pass and not of the program.
async fn unpanicked(judge: impl Future<Output = Judgement>) -> Result<Judgement, Fault> {
    let mut judge = pin!(judge);
    std::future::poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| judge.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(judgement)) => Poll::Ready(Ok(judgement)),
        Err(_) => Poll::Ready(Err(Fault::Panicked)),
    })
    .await
}
