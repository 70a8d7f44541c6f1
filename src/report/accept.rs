//! How a finding is accepted: the lines to paste, one a carrier.

use crate::rules::Finding;

/// What stands in each line for the reason that a person gives; as it is, it is none.
const REASON: &str = "<reason>";

/// The lines by which a finding is accepted, a reason filled in.
pub(super) struct Ways {
    /// A line of a commit's message, of any commit between what is deployed and what is proposed.
    pub(super) trailer: Option<String>,
    /// A comment on or above the line that the finding points at.
    pub(super) comment: Option<String>,
    /// A table of the configuration: the tree's, or the operator's alone where the rule is locked.
    pub(super) config: String,
    locked: bool,
}

impl Ways {
    pub(super) fn of(finding: &Finding) -> Self {
        let Finding { rule, fingerprint, .. } = finding;
        // Where the proposed file is not Python, `#` may begin no comment.
        let commented = finding.proposed.as_ref().or(finding.deployed.as_ref());
        let commented = commented.filter(|at| at.path.as_str().ends_with(".py") && !finding.locked);
        Self {
            trailer: (!finding.locked).then(|| format!("Dagguard-Accept: {fingerprint} {REASON}")),
            comment: commented.map(|_| format!("# dagguard: ignore[{rule}] {REASON}")),
            config: format!("[[accept]]\nfingerprint = \"{fingerprint}\"\nreason = \"{REASON}\"\n"),
            locked: finding.locked,
        }
    }

    /// In one line, the way that suits every finding first.
    pub(super) fn sentence(&self) -> String {
        match (&self.trailer, &self.comment) {
            _ if self.locked => {
                let config = self.config.trim_end().replace('\n', "; ");
                format!("the rule is locked; in the operator's configuration: {config}")
            }
            (Some(trailer), Some(comment)) => format!("`{trailer}` in a commit message, or `{comment}` on the line"),
            (Some(trailer), None) => format!("`{trailer}` in a commit message"),
            (None, _) => self.config.trim_end().replace('\n', "; "),
        }
    }
}
