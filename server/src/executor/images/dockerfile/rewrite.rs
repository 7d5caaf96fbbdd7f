//! Prints a Dockerfile for an engine's own builder, which must use no other images than those that are named by their ids.

use std::collections::BTreeMap;

use super::bases::{Base, Origin, SCRATCH, Stages};
use super::file::KNOWN;
use super::flags::flags;
use super::growth::{self, Lengths};
use super::{Arguments, Dockerfile, Fault, Instruction};

/// What newer engines let lines follow by `<<`.
const DOCUMENTED: [&str; 4] = ["ADD", "COPY", "ONBUILD", "RUN"];

/// How labels begin that others act on who look at an engine's containers, those of builds among them: Compose, proxies, EventFlow.
const SPEAKING: [&str; 4] = ["com.docker.", "io.eventflow.", "traefik.", "caddy"];

/// What an engine fetches itself.
const ADDRESSES: [&str; 2] = ["http://", "https://"];

/// An image that a Dockerfile names, as the engine knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The id by which the engine is asked for it.
    pub id: String,
    /// The names of its labels that others act on: they get no value.
    pub speaking: Vec<String>,
    /// How long its variables are.
    pub variables: Lengths,
}

/// A Dockerfile as an engine gets it, and what its lines were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// For each of its instructions, that of the original by its number from 0; `None` for one that was added.
    steps: Vec<Option<usize>>,
    /// For each of its lines, the line of the original.
    lines: Vec<usize>,
}

impl Rewritten {
    /// The original instruction, by its number from 0, that the engine calls step `number`, from 1.
    pub fn step(&self, number: usize) -> Option<usize> {
        self.steps.get(number.checked_sub(1)?).copied().flatten()
    }

    /// The line of the original for one of these, from 1.
    pub fn line(&self, line: usize) -> Option<usize> {
        self.lines.get(line.checked_sub(1)?).copied()
    }
}

impl Dockerfile {
    /// The original instruction, by its number from 0.
    pub fn instruction(&self, number: usize) -> Option<&Instruction> {
        self.instructions.get(number)
    }

    /// The number of instructions.
    pub fn steps(&self) -> usize {
        self.instructions.len()
    }

    /// Prints it, with ids in place of the names of images, and a label on what its stages begin with: stages of different labels have
    /// no step in common that the engine could take from one for the other. `images`: those that it names, by their names.
    ///
    /// # Errors
    /// What an engine's own builder cannot do, or must not.
    pub fn rewritten(
        &self,
        images: &BTreeMap<String, Known>,
        arguments: &Arguments,
        (label, value): (&str, &str),
        platform: &str,
    ) -> Result<Rewritten, Fault> {
        growth::check(self, images.values().flat_map(|image| image.variables.clone()).collect(), arguments)?;
        let mut stages = Stages::new(self, arguments);
        let mut out = Rewritten { text: String::new(), steps: Vec::new(), lines: Vec::new() };
        if self.escape != '\\' {
            out.text = format!("# escape={}\n", self.escape);
            out.lines.push(1);
        }
        let mut print = |step: Option<usize>, line: usize, text: &str| {
            out.text.push_str(text);
            out.text.push('\n');
            out.steps.push(step);
            out.lines.push(line);
        };
        let known = |image: &str, line: usize| {
            images.get(image).ok_or_else(|| Fault::new(line, format!("the image {image} was not fetched")))
        };
        for (index, instruction) in self.instructions.iter().enumerate() {
            let Instruction { line, name, rest, has_document } = instruction;
            // Which lines follow, engines do not agree on.
            if *has_document || DOCUMENTED.contains(name) && rest.contains("<<") {
                let why = "the Docker engine's own builder takes no `<<`: write the lines with `\\`, or have images built by BuildKit (EVENTFLOW_BUILDKIT)";
                return Err(Fault::new(*line, why));
            }
            let text = match *name {
                "FROM" => {
                    let from = stages.begin(instruction)?;
                    check_platform(from.platform.as_deref(), platform, *line)?;
                    let base = match &from.base {
                        Base::Scratch => SCRATCH.to_owned(),
                        Base::Stage(stage) => stage.clone(),
                        Base::Image(image) => known(image, *line)?.id.clone(),
                    };
                    let name = from.name.map(|name| format!(" AS {name}")).unwrap_or_default();
                    print(Some(index), *line, &format!("FROM {base}{name}"));
                    if !matches!(from.base, Base::Stage(_)) {
                        let mut text = format!("LABEL {label}={value}");
                        if let Base::Image(image) = &from.base {
                            for name in &known(image, *line)?.speaking {
                                text.push_str(&format!(" {name}=\"\""));
                            }
                        }
                        print(None, *line, &text);
                    }
                    continue;
                }
                "COPY" => copy(instruction, &stages, known)?,
                "ADD" => {
                    check_add(instruction)?;
                    format!("ADD {rest}")
                }
                "LABEL" => {
                    check_label(rest, *line)?;
                    format!("LABEL {rest}")
                }
                "ONBUILD" => {
                    check_trigger(rest, *line)?;
                    format!("ONBUILD {rest}")
                }
                name => format!("{name} {rest}"),
            };
            print(Some(index), *line, &text);
        }
        Ok(out)
    }
}

/// A `COPY` from what the engine knows: a stage, or an image by its id.
fn copy<'i>(
    copy: &Instruction,
    stages: &Stages,
    known: impl Fn(&str, usize) -> Result<&'i Known, Fault>,
) -> Result<String, Fault> {
    let flags = flags(copy)?;
    let mut text = String::from("COPY ");
    for (name, value) in &flags.all {
        let from = value.filter(|_| *name == "from").map(|from| stages.copied_from(from)).transpose();
        let value = match from.map_err(|why| Fault::new(copy.line, why))? {
            Some(Origin::Image(image)) => Some(known(image, copy.line)?.id.as_str()),
            Some(Origin::Stage) | None => *value,
        };
        text.push_str(&value.map_or_else(|| format!("--{name} "), |value| format!("--{name}={value} ")));
    }
    text.push_str(flags.rest);
    Ok(text)
}

/// Whether others act on a label of this name.
pub fn is_speaking(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    SPEAKING.iter().any(|begin| label.starts_with(begin))
}

/// Refuses labels that others act on while a command of the build runs.
fn check_label(rest: &str, line: usize) -> Result<(), Fault> {
    let plain = rest.to_ascii_lowercase().replace(['"', '\'', '\\', '`'], "");
    if let Some(begin) = SPEAKING.iter().find(|begin| plain.contains(*begin)) {
        return Err(Fault::new(line, format!("a label of `{begin}…` is acted on by others: leave it out")));
    }
    let names_a_variable = plain.split_whitespace().enumerate().any(|(index, word)| match word.split_once('=') {
        Some((name, _)) => name.contains('$'),
        // `LABEL NAME VALUE`, or the rest of a value in quotes.
        None => index == 0 && word.contains('$'),
    });
    match names_a_variable {
        true => Err(Fault::new(line, "the name of a label has a variable: write the name itself")),
        false => Ok(()),
    }
}

/// An engine builds for its own platform.
fn check_platform(wanted: Option<&str>, own: &str, line: usize) -> Result<(), Fault> {
    match wanted {
        // Whatever it stands for: what is built here is run here.
        Some(wanted) if !wanted.starts_with('$') && wanted != own => {
            let wanted = domain::text::shown(wanted);
            let why = format!("it asks for the platform {wanted}, and the engine runs {own}: leave `--platform` out");
            Err(Fault::new(line, why))
        }
        _ => Ok(()),
    }
}

/// Refuses what an engine would fetch itself, from its own network, which reaches more than functions may.
fn check_add(add: &Instruction) -> Result<(), Fault> {
    let fault = |why: &str| Err(Fault::new(add.line, why));
    let rest = flags(add)?.rest;
    let words: Vec<String> = match rest.starts_with('[') {
        true => match serde_json::from_str(rest) {
            Ok(words) => words,
            Err(_) => return fault("what follows `ADD [` is no list of texts in JSON"),
        },
        false => rest.split_whitespace().map(str::to_owned).collect(),
    };
    for word in words {
        let plain = word.to_ascii_lowercase().replace(['"', '\'', '\\', '`'], "");
        let fixed = plain.split('$').next().unwrap_or_default();
        let begins = |address: &str| fixed.starts_with(address) || plain.contains('$') && address.starts_with(fixed);
        if ADDRESSES.into_iter().any(begins) {
            return fault(
                "`ADD` of an address would be fetched past the network of functions: use `RUN wget` or `RUN curl`; in front of a variable that is a \
                 file write `./`",
            );
        }
    }
    Ok(())
}

/// Refuses an `ONBUILD` that fetches or names an image: whoever builds on this one would be held to what it names.
fn check_trigger(trigger: &str, line: usize) -> Result<(), Fault> {
    let trigger = trigger.trim();
    let fault = |why: &str| Err(Fault::new(line, why));
    if trigger.contains(['\n', '\r']) {
        return fault("an `ONBUILD` has several lines, which is not understood");
    }
    let end = trigger.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(trigger.len());
    let (word, rest) = trigger.split_at(end);
    let Some(name) = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(word)) else {
        return fault("an `ONBUILD` has no instruction that is known");
    };
    let rest = rest.trim().to_owned();
    let inner = Instruction { line, name, rest, has_document: false };
    match name {
        "ADD" => check_add(&inner),
        "COPY" if !flags(&inner)?.all.iter().any(|(name, _)| *name == "from") => Ok(()),
        "COPY" => fault("`ONBUILD COPY --from` is not possible here"),
        "LABEL" => check_label(&inner.rest, line),
        "FROM" | "ONBUILD" | "MAINTAINER" => fault("this instruction cannot be an `ONBUILD`"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: (&str, &str) = ("label", "team");

    fn rewritten(text: &str) -> Result<Rewritten, String> {
        let file = Dockerfile::parse(text.as_bytes()).unwrap();
        let known = |id: &str, speaking: &[&str]| {
            let speaking = speaking.iter().map(|name| (*name).to_owned()).collect();
            Known { id: id.to_owned(), speaking, variables: [("PATH".to_owned(), 60)].into() }
        };
        let images = BTreeMap::from([
            ("a:1".to_owned(), known("sha256:aa", &[])),
            ("b".to_owned(), known("sha256:bb", &["com.docker.compose.project"])),
        ]);
        file.rewritten(&images, &Arguments::new(), LABEL, "linux/amd64").map_err(|fault| fault.to_string())
    }

    #[test]
    fn images_are_named_by_their_ids_and_lines_are_kept_apart() {
        let text = "# one\nARG V=1\nFROM --platform=linux/amd64 a:$V AS Build\nRUN x && \\\n  FROM y\nFROM build\nFROM scratch\n\
            COPY --from=build /a /b\nCOPY --chown=1 --from=b  /a /c\nADD x.tar.gz /\n";
        let found = rewritten(text).unwrap();
        let expected = "ARG V=1\nFROM sha256:aa AS build\nLABEL label=team\nRUN x &&   FROM y\nFROM build\nFROM scratch\nLABEL label=team\n\
            COPY --from=build /a /b\nCOPY --chown=1 --from=sha256:bb /a /c\nADD x.tar.gz /\n";
        assert_eq!(found.text, expected);
        assert_eq!((found.step(2), found.step(3), found.step(4)), (Some(1), None, Some(2)));
        assert_eq!((found.line(4), found.line(9), found.line(99)), (Some(4), Some(9), None));
        let ticked = rewritten("# escape=`\nFROM b\nRUN x `\ny").unwrap();
        assert_eq!(
            ticked.text,
            "# escape=`\nFROM sha256:bb\nLABEL label=team com.docker.compose.project=\"\"\nRUN x y\n"
        );
        assert_eq!((ticked.line(4), ticked.step(3)), (Some(3), Some(1)));
    }

    #[test]
    fn what_an_engine_must_not_do_is_refused() {
        for line in [
            "ADD http://169.254.169.254/ /x",
            "ADD --chown=1 \"ht\"tp://x /x",
            "ADD $URL /x",
            "ADD ht$X /x",
            r#"ADD ["a", "https://x", "/x"]"#,
            r#"ADD ["a", "\u0068ttp://x", "/x"]"#,
            r#"ADD ["http://x", "/x"] more"#,
            "ONBUILD ADD http://x /x",
            "ONBUILD COPY --from=b / /",
            "onbuild copy --from=b / /",
            "ONBUILD FROM b",
            "COPY --from=other / /",
            "COPY --from=\"b\" / /",
            "COPY --from=$B / /",
            "COPY --from=b --from=a:1 / /",
            "COPY <<EOF /x\na\nEOF",
            "RUN true <<\"FROM scratch AS b\"",
            "ONBUILD RUN cat <<E",
            "RUN cat <\\\n<E",
            "LABEL com.docker.compose.project=eventflow",
            "LABEL a=b \"com.doc\"ker.compose.project=eventflow",
            "LABEL Traefik.enable true",
            "LABEL a=b $X=c",
            "LABEL $X c",
            "ONBUILD LABEL traefik.enable=true",
            "FROM other",
            "FROM --platform=linux/arm64 b",
            &format!("LABEL a={}", "$PATH".repeat(20_000)),
        ] {
            let text = format!("FROM b\n{line}\n");
            assert!(rewritten(&text).is_err(), "{line}");
        }
        for line in [
            "LABEL a=$V b=\"at $W here\"",
            "ADD x$V.tar /",
            "ADD ./$X /x",
            "ONBUILD RUN x",
            "ONBUILD COPY a b",
            "COPY [\"a\", \"b\"]",
        ] {
            rewritten(&format!("FROM b\n{line}\n")).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
    }

    #[test]
    fn the_trigger_of_a_base_is_looked_at() {
        assert!(check_trigger("COPY . /app", 1).is_ok());
        assert!(check_trigger("RUN npm ci", 1).is_ok());
        for trigger in ["COPY --from=x / /", "ADD http://x /", "COPY a b\nFROM x", "x", "ADD --chown=1 $A /"] {
            assert!(check_trigger(trigger, 1).is_err(), "{trigger}");
        }
    }
}
