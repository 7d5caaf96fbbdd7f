//! The stages of a Dockerfile, and which of them an image needs.

use super::bases::{Base, Origin, Stages};
use super::flags::flags;
use super::{Arguments, Dockerfile, Fault, Instruction};

/// What a stage needs of others.
struct Stage {
    /// The number of its first instruction.
    begin: usize,
    name: Option<String>,
    /// The numbers of the stages that it begins with, or copies from.
    needs: Vec<usize>,
    /// Whether it names one of them by its number.
    counts: bool,
}

impl Dockerfile {
    /// The names of its stages, as far as they are understood.
    pub fn stages(&self) -> Vec<&str> {
        self.instructions.iter().filter_map(name_of).collect()
    }

    /// It, without the stages that `target`, or else the last one, needs nothing of. They all stay where stages are named by their
    /// numbers, as these count what is before them; those after `target` never do.
    ///
    /// # Errors
    /// What is not understood, or that there is no such stage.
    pub fn needed(&self, target: Option<&str>, arguments: &Arguments) -> Result<Self, Fault> {
        let stages = self.read_stages(arguments)?;
        let wanted = match target.map(str::to_ascii_lowercase) {
            Some(target) => {
                let no_such = || Fault::new(1, format!("there is no stage `{}`", domain::text::shown(&target)));
                stages.iter().position(|stage| stage.name.as_ref() == Some(&target)).ok_or_else(no_such)?
            }
            None => stages.len().saturating_sub(1),
        };
        let mut is_needed = vec![false; stages.len()];
        is_needed[wanted] = true;
        for (number, stage) in stages.iter().enumerate().rev() {
            if is_needed[number] {
                stage.needs.iter().for_each(|other| is_needed[*other] = true);
            }
        }
        if stages.iter().zip(&is_needed).any(|(stage, is_needed)| stage.counts && *is_needed) {
            is_needed[..=wanted].fill(true);
        }
        let before = stages.first().map_or(0, |first| first.begin);
        let mut kept = self.instructions[..before].to_vec();
        for (number, stage) in stages.iter().enumerate().filter(|(number, _)| is_needed[*number]) {
            let end = stages.get(number + 1).map_or(self.instructions.len(), |next| next.begin);
            kept.extend_from_slice(&self.instructions[stage.begin..end]);
        }
        Ok(Self { escape: self.escape, instructions: kept })
    }

    fn read_stages(&self, arguments: &Arguments) -> Result<Vec<Stage>, Fault> {
        let mut known = Stages::new(self, arguments);
        let mut stages: Vec<Stage> = Vec::new();
        let number_of =
            |stages: &[Stage], name: &str| stages.iter().position(|stage| stage.name.as_deref() == Some(name));
        for (begin, instruction) in self.instructions.iter().enumerate() {
            match instruction.name {
                "FROM" => {
                    let from = known.begin(instruction)?;
                    let needs = match &from.base {
                        Base::Stage(name) => number_of(&stages, name).into_iter().collect(),
                        Base::Scratch | Base::Image(_) => Vec::new(),
                    };
                    stages.push(Stage { begin, name: from.name, needs, counts: false });
                }
                "COPY" => {
                    let Some(value) = flags(instruction)?.value("from") else { continue };
                    let origin = known.copied_from(value).map_err(|why| Fault::new(instruction.line, why))?;
                    if origin == Origin::Stage {
                        let number = value.parse::<usize>().ok();
                        let found = number.or_else(|| number_of(&stages, &value.to_ascii_lowercase()));
                        if let Some(stage) = stages.last_mut() {
                            stage.needs.extend(found);
                            stage.counts |= number.is_some();
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(stages)
    }
}

/// The name in `FROM IMAGE AS NAME`.
fn name_of(instruction: &Instruction) -> Option<&str> {
    let mut words = instruction.rest.split_whitespace().rev();
    let (name, word) = (words.next()?, words.next()?);
    (instruction.name == "FROM" && word.eq_ignore_ascii_case("AS")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "ARG V=1\nFROM a:$V AS base\nRUN base\nFROM base AS Test\nRUN test\nFROM b AS build\nRUN build\n\
        FROM base AS run\nCOPY --from=build /x /x\nFROM scratch AS other\nCOPY --from=c /x /x\n";

    /// What follows the names of the instructions that are left.
    fn needed(text: &str, target: Option<&str>) -> Result<Vec<String>, String> {
        let file = Dockerfile::parse(text.as_bytes()).unwrap();
        let file = file.needed(target, &Arguments::new()).map_err(|fault| fault.to_string())?;
        Ok(file.instructions.into_iter().map(|instruction| instruction.rest).collect())
    }

    #[test]
    fn what_the_wanted_stage_needs_is_kept_in_its_order() {
        let run = ["V=1", "a:$V AS base", "base", "b AS build", "build", "base AS run", "--from=build /x /x"];
        assert_eq!(needed(FILE, Some("run")).unwrap(), run);
        assert_eq!(needed(FILE, Some("test")).unwrap(), ["V=1", "a:$V AS base", "base", "base AS Test", "test"]);
        assert_eq!(needed(FILE, None).unwrap(), ["V=1", "scratch AS other", "--from=c /x /x"]);
        assert_eq!(needed("FROM a\nRUN x", None).unwrap(), ["a", "x"]);
        assert!(needed(FILE, Some("none")).unwrap_err().contains("no stage `none`"));
        let file = Dockerfile::parse(FILE.as_bytes()).unwrap();
        assert_eq!(file.stages(), ["base", "Test", "build", "run", "other"]);
    }

    #[test]
    fn where_stages_are_counted_all_before_stay() {
        let text = "FROM a\nRUN one\nFROM b\nRUN two\nFROM c AS run\nCOPY --from=1 /x /x\nFROM d\nRUN four\n";
        assert_eq!(needed(text, Some("run")).unwrap(), ["a", "one", "b", "two", "c AS run", "--from=1 /x /x"]);
        assert_eq!(needed(text, None).unwrap(), ["d", "four"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(needed("FROM a\nCOPY --from=0 / /", None).is_err());
        assert!(needed("FROM a b", None).is_err());
    }
}
