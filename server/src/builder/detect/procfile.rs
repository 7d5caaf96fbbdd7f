//! The web process in a `Procfile`.

use super::found::command_of;
use super::{Evidence, Found, Step, Undecided, explain};

/// The command of a process type.
fn process<'t>(text: &'t str, kind: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.trim().split_once(':'))
        .find(|(name, _)| name.trim() == kind)
        .map(|(_, command)| command.trim())
        .filter(|command| !command.is_empty())
}

pub(super) fn detect(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let Some(text) = evidence.text("Procfile") else { return Ok(None) };
    let Some(line) = process(text, "web") else { return Ok(None) };
    // What a package manager starts is what its script says: one process less, and it ends when it is asked to.
    let script = match line {
        "npm start" | "npm run start" | "yarn start" | "pnpm start" => {
            evidence.package()["scripts"]["start"].as_str().map(str::to_owned)
        }
        _ => None,
    };
    if script.is_some() {
        return super::node::started_by_script(evidence, "the line `web:`", "Procfile");
    }
    let command = command_of(line);
    let explanation = explain::found("the line `web:`", "Procfile", &explain::shown(&command), "command");
    let keep = super::node::needs_development(evidence, line).then_some(Step::KeepDevelopment);
    // Where a buildpack would put the programs of a Go module.
    let program = command.first().filter(|program| program.starts_with("bin/") && !evidence.has(program));
    let build = program.filter(|_| evidence.has("go.mod")).map(|_| {
        Step::Run(["go", "build", "-buildvcs=false", "-trimpath", "-o", "bin/", "./..."].map(str::to_owned).to_vec())
    });
    Ok(Some(Found::program(command, explanation).with(keep).with(build)))
}
