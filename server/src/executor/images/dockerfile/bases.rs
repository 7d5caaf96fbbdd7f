//! Which images a Dockerfile uses: what its stages begin with, and what is copied from.

use std::collections::{BTreeMap, BTreeSet};

use super::flags::flags;
use super::variables::{expand, globals};
use super::{Arguments, Dockerfile, Fault, Instruction};

/// The image that is empty.
pub(super) const SCRATCH: &str = "scratch";

/// The most images that one Dockerfile may use.
const MAX_IMAGES: usize = 20;

/// What a stage begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage, by its name.
    Stage(String),
    /// An image.
    Image(String),
}

/// A `FROM`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct From {
    pub(super) base: Base,
    pub(super) platform: Option<String>,
    pub(super) name: Option<String>,
}

/// The stages so far, and the variables that a `FROM` may name.
///
/// An engine knows a stage when it has ended, at the next `FROM`: until then, its name or number means an image to it.
pub(super) struct Stages {
    /// The names of those that have ended.
    names: BTreeSet<String>,
    /// How many have begun.
    begun: usize,
    /// The name of the last one.
    current: Option<String>,
    globals: Arguments,
}

/// What is copied from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin<'v> {
    /// A stage that has ended.
    Stage,
    /// An image.
    Image(&'v str),
}

impl Stages {
    pub(super) fn new(file: &Dockerfile, arguments: &Arguments) -> Self {
        let globals = globals(&file.instructions, arguments);
        Self { names: BTreeSet::new(), begun: 0, current: None, globals }
    }

    /// Reads a `FROM`. The stage before it is known from here on.
    pub(super) fn begin(&mut self, from: &Instruction) -> Result<From, Fault> {
        let fault = |why: String| Fault::new(from.line, why);
        self.names.extend(self.current.take());
        self.begun += 1;
        let mut words: Vec<&str> = from.rest.split_whitespace().collect();
        let mut platform = None;
        while let Some(flag) = words.first().filter(|word| word.starts_with("--")) {
            match flag.strip_prefix("--platform=") {
                Some(value) => platform = Some(value.to_owned()),
                None => return Err(fault(format!("`FROM` has no flag `{}`", domain::text::shown(flag)))),
            }
            words.remove(0);
        }
        let (image, name) = match words.as_slice() {
            [image] => (*image, None),
            [image, word, name] if word.eq_ignore_ascii_case("AS") => (*image, Some(name.to_ascii_lowercase())),
            _ => return Err(fault("it is `FROM IMAGE` or `FROM IMAGE AS NAME`".to_owned())),
        };
        let image = expand(image, &self.globals).map_err(fault)?;
        let base = if self.names.contains(&image.to_ascii_lowercase()) {
            Base::Stage(image.to_ascii_lowercase())
        } else if image == SCRATCH {
            Base::Scratch
        } else if image.is_empty() {
            return Err(fault(
                "the variable after `FROM` has no value: give its `ARG` a default, before `FROM`".to_owned(),
            ));
        } else {
            Base::Image(image)
        };
        if let Some(name) = &name {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
            if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
                return Err(fault(format!("`{}` is no name for a stage", domain::text::shown(name))));
            }
            if self.names.contains(name) {
                return Err(fault(format!("another stage is called `{name}`, too")));
            }
            self.current = Some(name.clone());
        }
        Ok(From { base, platform, name })
    }

    /// What is copied from.
    ///
    /// # Errors
    /// A stage that has not ended, which an engine takes for the name of an image, or the beginning of its id.
    pub(super) fn copied_from<'v>(&self, value: &'v str) -> Result<Origin<'v>, String> {
        let name = value.to_ascii_lowercase();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            let has_ended = value.parse::<usize>().is_ok_and(|number| number + 1 < self.begun);
            let why = || format!("there is no stage {value} before this one: stages count from 0");
            return has_ended.then_some(Origin::Stage).ok_or_else(why);
        }
        if self.current.as_ref() == Some(&name) {
            return Err(format!("`{name}` is this stage itself: what is copied comes from one before it"));
        }
        Ok(if self.names.contains(&name) { Origin::Stage } else { Origin::Image(value) })
    }

    /// The image that is copied from, if it is one.
    fn image_copied_from(&self, value: &str) -> Result<Option<String>, String> {
        Ok(match self.copied_from(value)? {
            Origin::Stage => None,
            Origin::Image(image) => Some(image.to_owned()),
        })
    }
}

impl Dockerfile {
    /// The images that it uses, each with the first line that names it.
    ///
    /// # Errors
    /// What is not understood.
    pub fn images(&self, arguments: &Arguments) -> Result<BTreeMap<String, usize>, Fault> {
        let mut stages = Stages::new(self, arguments);
        let mut images = BTreeMap::new();
        for instruction in &self.instructions {
            let image = match instruction.name {
                "FROM" => match stages.begin(instruction)?.base {
                    Base::Image(image) => Some(image),
                    Base::Scratch | Base::Stage(_) => None,
                },
                "COPY" => match flags(instruction)?.value("from") {
                    Some(value) => stages.image_copied_from(value).map_err(|why| Fault::new(instruction.line, why))?,
                    None => None,
                },
                _ => None,
            };
            if let Some(image) = image {
                images.entry(image).or_insert(instruction.line);
            }
            if images.len() > MAX_IMAGES {
                return Err(Fault::new(instruction.line, format!("more than {MAX_IMAGES} images")));
            }
        }
        Ok(images)
    }

    /// The images that it seems to use, for logins that may be needed: what is not understood is left out.
    pub fn likely_images(&self, arguments: &Arguments) -> BTreeSet<String> {
        let mut stages = Stages::new(self, arguments);
        let mut images = BTreeSet::new();
        for instruction in &self.instructions {
            match instruction.name {
                "FROM" => {
                    if let Ok(From { base: Base::Image(image), .. }) = stages.begin(instruction) {
                        images.insert(image);
                    }
                }
                // Also in `RUN --mount=type=bind,from=…`.
                "COPY" | "RUN" => {
                    let words = instruction.rest.split([' ', '\t', ',']);
                    let names = words.filter_map(|word| word.trim_start_matches("--").strip_prefix("from="));
                    images.extend(names.filter_map(|name| stages.image_copied_from(name).ok().flatten()));
                }
                _ => {}
            }
            if images.len() > MAX_IMAGES {
                break;
            }
        }
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Dockerfile {
        Dockerfile::parse(text.as_bytes()).unwrap()
    }

    fn images(text: &str) -> Result<Vec<(String, usize)>, String> {
        let images = parsed(text).images(&Arguments::new()).map_err(|fault| fault.to_string())?;
        Ok(images.into_iter().collect())
    }

    #[test]
    fn the_images_that_are_used_are_found() {
        let text = "ARG V=22\nFROM node:${V} AS Build\nFROM build AS test\nFROM scratch\nCOPY --from=build /a /b\n\
            COPY --from=1 /a /c\nCOPY --chown=1:1 --from=nginx:1 /a /d\nCOPY --from=later / /\nFROM node:22 AS later\n";
        let expected = [("later", 8), ("nginx:1", 7), ("node:22", 2)].map(|(name, line)| (name.to_owned(), line));
        assert_eq!(images(text).unwrap(), expected);
        let likely = parsed("FROM a/b\nRUN --mount=type=bind,from=c/d,target=/x y\nFROM $(x)\nCOPY --from=e/f / /");
        let likely: Vec<_> = likely.likely_images(&Arguments::new()).into_iter().collect();
        assert_eq!(likely, ["a/b", "c/d", "e/f"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "FROM",
            "FROM a b",
            "FROM a AS B/C",
            "FROM --other=x a",
            "FROM $A",
            "FROM \"a\"",
            "ARG A=${B#x}\nFROM a$A$",
            "FROM a\nCOPY --from=$A / /",
            "FROM a\nCOPY --fr\"om=x\" / /",
            // An engine takes these for the names or the ids of images.
            "FROM a AS e8\nCOPY --from=e8 / /",
            "FROM a AS e8\nCOPY --from=E8 / /",
            "FROM a\nCOPY --from=0 / /",
            "FROM a\nFROM a\nCOPY --from=00000000000000000001 / /",
            "FROM a\nFROM a\nCOPY --from=11111111111111111111 / /",
            "FROM a AS b\nFROM a AS b\nFROM a AS B",
        ] {
            assert!(
                Dockerfile::parse(text.as_bytes()).and_then(|file| file.images(&Arguments::new())).is_err(),
                "{text}"
            );
        }
        let many: String = (0..=MAX_IMAGES).map(|number| format!("FROM a:{number}\n")).collect();
        assert!(images(&many).unwrap_err().contains("more than 20 images"));
    }
}
