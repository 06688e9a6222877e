//! The public walk as a test suite, for what shows JUnit's results (Surefire's schema 3.0): a case for
//! each step that was taken, which fails by the findings that it showed; steps that were not taken are
//! skipped.
//!
//! Warnings stand in a case's output, since no client breaks by them. What inner entries show is not a
//! case of its own: clients don't meet it.

use super::super::display::clean;
use super::super::finding::Finding;
use super::super::judge::Judged;
use super::super::kind::Severity;
use super::super::language::Language;
use super::super::step::Step;
use super::super::trace::Walk;
use super::conclusion::headline;
use super::findings::hop;
use super::markup::escaped;
use super::unexamined::reason;
use super::verdict::{ChainVerdict, verdict};
use std::time::Duration;

/// One `testcase`.
struct Case {
    name: String,
    time: Duration,
    result: CaseResult,
    /// Warnings.
    output: Vec<String>,
}

enum CaseResult {
    Passed,
    Skipped(String),
    /// With the kind, a sentence, and everything else.
    Failed(Problem),
    /// It could not be examined.
    Error(Problem),
}

struct Problem {
    kind: String,
    message: String,
    text: String,
}

pub(super) fn junit(walks: &[Judged]) -> String {
    let Some(public) = walks.first() else {
        return String::new();
    };
    let cases = cases(public, walks);
    let count =
        |is_one: fn(&CaseResult) -> bool| cases.iter().filter(|case| is_one(&case.result)).count();
    let failures = count(|result| matches!(result, CaseResult::Failed(_)));
    let errors = count(|result| matches!(result, CaseResult::Error(_)));
    let skipped = count(|result| matches!(result, CaseResult::Skipped(_)));
    let time: Duration = cases.iter().map(|case| case.time).sum();
    let class = escaped(&public.walk.target.to_string());
    let drawn: String = cases.iter().map(|case| drawn(case, &class)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"harbormouth doctor\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">\n{drawn}</testsuite>\n",
        cases.len(),
        seconds(time)
    )
}

fn cases(public: &Judged, walks: &[Judged]) -> Vec<Case> {
    let walk = &public.walk;
    let showed = |step: Step| -> Vec<&Finding> {
        let findings = public.findings.iter();
        findings.filter(|finding| finding.step == step).collect()
    };
    let mut cases = Vec::new();
    for step in Step::ALL {
        let findings = showed(step);
        let skip = walk.skipped.iter().find(|skipped| skipped.step == step);
        let result = match (judged(&findings, walks), skip) {
            (Some(result), _) => result,
            (None, Some(skipped)) => CaseResult::Skipped(reason(skipped.why, walk)),
            (None, None) if !findings.is_empty() || is_taken(walk, step) => CaseResult::Passed,
            (None, None) => continue,
        };
        let warnings = findings
            .iter()
            .filter(|one| one.severity == Severity::Warning);
        cases.push(Case {
            name: format!("{step}: {}", step.title(Language::English)),
            time: walk.all(step).map(|one| one.took).sum(),
            result,
            output: warnings.map(|one| described(one, walks)).collect(),
        });
    }
    // Without a finding the exit status may still say that too little was seen.
    let is_told = |case: &Case| matches!(case.result, CaseResult::Failed(_) | CaseResult::Error(_));
    if verdict(walks) == ChainVerdict::Unexamined && !cases.iter().any(is_told) {
        cases.push(Case {
            name: "verdict".to_owned(),
            time: Duration::ZERO,
            result: CaseResult::Error(Problem {
                kind: ChainVerdict::Unexamined.to_string(),
                message: headline(walks).to_owned(),
                text: String::new(),
            }),
            output: Vec::new(),
        });
    }
    cases
}

fn is_taken(walk: &Walk, step: Step) -> bool {
    match step {
        Step::Resolve => walk.resolved.is_some(),
        Step::Connect => !walk.addresses.is_empty(),
        Step::Tls => walk.addresses.iter().any(|one| one.tls.is_some()),
        _ => walk.first(step).is_some(),
    }
}

/// None where nothing but warnings was found.
fn judged(findings: &[&Finding], walks: &[Judged]) -> Option<CaseResult> {
    let grave: Vec<&Finding> = findings
        .iter()
        .copied()
        .filter(|one| one.severity != Severity::Warning)
        .collect();
    let first = grave.first()?;
    let messages: Vec<String> = grave.iter().map(|one| clean(&one.summary)).collect();
    let texts: Vec<String> = grave.iter().map(|one| described(one, walks)).collect();
    let problem = Problem {
        kind: first.kind.to_string(),
        message: messages.join(" "),
        text: texts.join("\n"),
    };
    let is_broken = grave.iter().any(|one| one.severity == Severity::Broken);
    Some(if is_broken {
        CaseResult::Failed(problem)
    } else {
        CaseResult::Error(problem)
    })
}

fn described(finding: &Finding, walks: &[Judged]) -> String {
    let mut lines = vec![format!("{}: {}", finding.kind, clean(&finding.summary))];
    for evidence in &finding.evidence {
        let (request, outcome) = (clean(&evidence.request), clean(&evidence.outcome));
        lines.push(format!("  {request} → {outcome}"));
        let line = evidence.line.as_deref();
        lines.extend(line.map(|line| format!("    {}", clean(line))));
    }
    lines.extend(hop(finding, walks).map(|hop| format!("  hop: {hop}")));
    let cause = finding.cause.as_deref();
    lines.extend(cause.map(|cause| format!("  cause: {}", clean(cause))));
    lines.join("\n")
}

fn drawn(case: &Case, class: &str) -> String {
    let problem = |element: &str, problem: &Problem| {
        format!(
            "<{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
            escaped(&problem.kind),
            escaped(&problem.message),
            escaped(&problem.text)
        )
    };
    let result = match &case.result {
        CaseResult::Passed => String::new(),
        CaseResult::Skipped(why) => format!("<skipped message=\"{}\"/>\n", escaped(why)),
        CaseResult::Failed(failed) => problem("failure", failed),
        CaseResult::Error(error) => problem("error", error),
    };
    let output = match case.output.as_slice() {
        [] => String::new(),
        warnings => format!(
            "<system-out>{}</system-out>\n",
            escaped(&warnings.join("\n"))
        ),
    };
    format!(
        "<testcase name=\"{}\" classname=\"{class}\" time=\"{}\">\n{result}{output}</testcase>\n",
        escaped(&case.name),
        seconds(case.time)
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
