//! The images that an engine keeps for functions, and what becomes of them.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// An image that is new stays so long in any case: between its pull and the record of the version that it makes.
const SHORTEST_STAY: Duration = Duration::from_secs(600);

/// An image that an engine has because it was pulled or built for functions of this installation. What was there before, or is named by
/// somebody else, is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The engine's own name for it: `sha256:…`.
    pub id: String,
    /// Its names and tags.
    pub tags: Vec<String>,
    /// Of these, the names that no pull and no build for a function has given it: those of somebody else.
    pub others: Vec<String>,
    /// The `sha256:…` by which registries know it.
    pub digests: Vec<String>,
    /// Bytes of its layers; other images may have some of them, too.
    pub size: u64,
    /// When it was last noticed that a version needs it, or when it was pulled.
    pub needed_at: DateTime<Utc>,
    /// Containers that are made of it, whoever made them.
    pub containers: usize,
    /// Whether it was pulled for functions of another installation as well.
    pub is_shared: bool,
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays: a version that can be run is made of it.
    Needed,
    /// It stays: somebody else uses it, for this reason.
    Used(String),
    /// It is removed after this, if nothing needs it until then.
    Goes(DateTime<Utc>),
}

/// What versions need of an engine's images.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Digests of images that are needed.
    pub digests: HashSet<String>,
    /// How long an image is kept after it was needed.
    pub retain: Duration,
}

impl Wanted {
    /// What becomes of an image.
    pub fn fate(&self, of: &Stored) -> Fate {
        if of.digests.iter().chain([&of.id]).any(|digest| self.digests.contains(digest)) {
            return Fate::Needed;
        }
        if let Some(tag) = of.others.first() {
            return Fate::Used(format!("somebody has named it {tag}"));
        }
        match of.containers {
            0 => {}
            1 => return Fate::Used("a container is made of it".into()),
            many => return Fate::Used(format!("{many} containers are made of it")),
        }
        let stay = TimeDelta::from_std(self.retain.max(SHORTEST_STAY)).unwrap_or(TimeDelta::MAX);
        Fate::Goes(of.needed_at.checked_add_signed(stay).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        Stored {
            id: "sha256:1d".into(),
            tags: vec!["nginx:1".into()],
            others: Vec::new(),
            digests: vec!["sha256:d1".into()],
            size: 7,
            needed_at: DateTime::UNIX_EPOCH,
            containers: 0,
            is_shared: false,
        }
    }

    fn wanted(digests: &[&str]) -> Wanted {
        Wanted {
            digests: digests.iter().map(|digest| (*digest).to_owned()).collect(),
            retain: Duration::from_secs(3600),
        }
    }

    #[test]
    fn what_a_version_needs_or_somebody_uses_stays() {
        assert_eq!(wanted(&["sha256:d1"]).fate(&stored()), Fate::Needed);
        assert_eq!(wanted(&["sha256:1d"]).fate(&stored()), Fate::Needed);
        let used = |of: &Stored| match wanted(&["sha256:00"]).fate(of) {
            Fate::Used(why) => why,
            fate => panic!("{fate:?}"),
        };
        assert_eq!(used(&Stored { containers: 2, ..stored() }), "2 containers are made of it");
        let named = Stored { tags: vec!["nginx:1".into(), "mine:1".into()], others: vec!["mine:1".into()], ..stored() };
        assert_eq!(used(&named), "somebody has named it mine:1");
    }

    #[test]
    fn everything_else_goes_after_its_time() {
        let wanted = wanted(&[]);
        let after = |seconds| Fate::Goes(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds));
        assert_eq!(wanted.fate(&stored()), after(3600));
        assert_eq!(Wanted { retain: Duration::ZERO, ..wanted.clone() }.fate(&stored()), after(600));
        let forever = Wanted { retain: Duration::MAX, ..wanted };
        assert_eq!(forever.fate(&stored()), Fate::Goes(DateTime::<Utc>::MAX_UTC));
    }
}
