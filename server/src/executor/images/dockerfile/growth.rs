//! How long what a Dockerfile says can get once its variables have their values: each may double the one before it, and the engine's
//! own builder keeps all of it in memory.

use std::collections::BTreeMap;

use super::{Arguments, Dockerfile, Fault, Instruction};

/// The most bytes of all instructions together, with the values of their variables.
const MAX_BYTES: usize = 512 << 10;

/// The instructions in which an engine puts the values of variables.
const EXPANDED: [&str; 11] =
    ["ADD", "ARG", "COPY", "ENV", "EXPOSE", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"];

/// The lengths of variables, at most.
pub type Lengths = BTreeMap<String, usize>;

/// Refuses a Dockerfile that would get too long. `variables`: those of the images that it begins with.
pub(super) fn check(file: &Dockerfile, mut variables: Lengths, arguments: &Arguments) -> Result<(), Fault> {
    for (name, value) in arguments {
        set(&mut variables, name, value.len());
    }
    let mut all = 0_usize;
    for instruction in file.instructions.iter().filter(|one| EXPANDED.contains(&one.name)) {
        let length = length(&instruction.rest, &variables);
        all = all.saturating_add(length);
        if all > MAX_BYTES {
            let why = format!(
                "with the values of its variables the Dockerfile has more than {MAX_BYTES} bytes up to here: a variable that has another one's value \
                 more than once doubles it"
            );
            return Err(Fault::new(instruction.line, why));
        }
        for name in defined(instruction) {
            set(&mut variables, name, length);
        }
    }
    Ok(())
}

fn set(variables: &mut Lengths, name: &str, length: usize) {
    let known = variables.entry(name.to_owned()).or_default();
    *known = length.max(*known);
}

/// The length of a text, each of whose variables has a value.
fn length(text: &str, variables: &Lengths) -> usize {
    text.split('$').skip(1).fold(text.len(), |sum, after| {
        let after = after.strip_prefix('{').unwrap_or(after);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        sum.saturating_add(variables.get(&after[..end]).copied().unwrap_or_default())
    })
}

/// The variables that an instruction gives values. Whatever is in quotes is taken for one as well: more are no harm.
fn defined(instruction: &Instruction) -> Vec<&str> {
    let rest = match instruction.name {
        "ENV" | "ARG" => instruction.rest.as_str(),
        // What it triggers runs where this image is the first of another Dockerfile, and is looked at there.
        _ => return Vec::new(),
    };
    let words = rest.split_whitespace().map(|word| word.split('=').next().unwrap_or_default());
    words.map(|name| name.trim_matches(['"', '\''])).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, variables: &[(&str, usize)]) -> Option<String> {
        let file = Dockerfile::parse(text.as_bytes()).unwrap();
        let variables = variables.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
        check(&file, variables, &Arguments::new()).err().map(|fault| fault.to_string())
    }

    #[test]
    fn what_grows_by_itself_is_refused_with_its_line() {
        for (begin, grow) in [
            ("ENV A=xxxxxxxxxx", "ENV A=$A$A"),
            ("ENV A=xxxxxxxxxx", "ENV A ${A}${A}"),
            ("ARG A=xxxxxxxxxx", "ARG A=\"$A $A\""),
            ("ENV A=xxxxxxxxxx", "ENV B=$A$A A=$B$B"),
            ("ENV A=xxxxxxxxxx", "ENV A=${A:-x}${A:+x$A}"),
        ] {
            let text = format!("FROM a\n{begin}\n{}", format!("{grow}\n").repeat(40));
            let fault = fault(&text, &[]).unwrap_or_else(|| panic!("{grow}"));
            assert!(fault.contains("line 1") || fault.contains("line 2"), "{fault}");
            assert!(fault.contains("doubles it"), "{fault}");
        }
        let label = format!("FROM a\nLABEL a={}\n", "$PATH".repeat(1000));
        assert_eq!(fault(&label, &[("PATH", 60)]), None);
        assert!(fault(&label, &[("PATH", 6000)]).is_some());
    }

    #[test]
    fn what_people_write_is_not() {
        let text = "ARG NODE=20\nFROM a:$NODE\nENV NODE_VERSION=$NODE YARN=1.22 HOME=/root\n\
            ENV PATH=$HOME/bin:/opt/$NODE_VERSION/bin:$PATH\nENV PATH=/usr/local/$YARN:$PATH\nWORKDIR $HOME\nCOPY $HOME/a $HOME/b\n\
            RUN for i in $PATH; do echo $i$i$i$i; done\n";
        assert_eq!(fault(text, &[("PATH", 100)]), None);
    }
}
