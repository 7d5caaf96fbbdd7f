//! Keeps the caches within their limits by removing the least recently used ones.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::Cache;
use super::entries::{INCOMING, set_aside};
use crate::builder::files::{self, Usage};

/// One function's cache.
struct Entry {
    used: SystemTime,
    name: String,
    usage: Usage,
}

impl Cache {
    /// Removes what is too large, too old, or too much together. What a build uses stays until it is let go of.
    pub(in crate::builder) fn make_room(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.0.folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(INCOMING) {
                // Another thread is removing it, or a server that was killed began to.
                let _ = files::remove(&entry.path());
                continue;
            }
            let Ok(used) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
            let usage = self.usage_of(&name, &entry.path());
            kept.push(Entry { used, name, usage });
        }
        kept.sort_by_key(|kept| kept.used);
        let limits = self.0.limits;
        let mut total: u64 = kept.iter().map(|kept| kept.usage.bytes).fold(0, u64::saturating_add);
        for Entry { used, name, usage } in kept {
            let old = used.elapsed().is_ok_and(|age| age > limits.age);
            if (old || usage.exceeds(limits.function) || total > limits.total_bytes) && self.remove(&name)? {
                total = total.saturating_sub(usage.bytes);
            }
        }
        Ok(())
    }

    fn usage_of(&self, name: &str, folder: &Path) -> Usage {
        if let Some(usage) = self.0.state.lock().usage.get(name) {
            return *usage;
        }
        let usage = files::usage(folder);
        let mut state = self.0.state.lock();
        // While a build writes there, this is out of date at once.
        if !state.in_use.contains_key(name) {
            state.usage.insert(name.to_owned(), usage);
        }
        usage
    }

    /// Removes a function's cache unless a build uses it; says whether it did.
    fn remove(&self, name: &str) -> io::Result<bool> {
        let leaving = {
            // Whoever opens it meanwhile waits, and finds nothing there.
            let mut state = self.0.state.lock();
            if state.in_use.contains_key(name) {
                return Ok(false);
            }
            state.usage.remove(name);
            set_aside(&self.0.folder.join(name), &self.0.folder)?
        };
        files::remove(&leaving)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::super::tests::function;
    use super::super::{Limits, MAX_AGE};
    use super::*;

    const KIB: u64 = 1024;

    fn cache(folder: &Path) -> Cache {
        let function = Usage { bytes: 4 * KIB, files: 10 };
        Cache::with(folder, Limits { total_bytes: 8 * KIB, function, age: MAX_AGE }).unwrap()
    }

    /// A build of the function leaves so much in its package cache, and was this long ago.
    fn build(cache: &Cache, name: &str, bytes: u64, files: u64, ago: Duration) {
        let shelf = cache.open(function(name)).unwrap();
        let npm = shelf.packages("npm").unwrap();
        fs::write(npm.join("content"), vec![0; usize::try_from(bytes).unwrap()]).unwrap();
        (0..files).for_each(|number| fs::write(npm.join(number.to_string()), "").unwrap());
        File::open(shelf.limit().0).unwrap().set_modified(SystemTime::now() - ago).unwrap();
    }

    fn there(cache: &Cache, name: &str) -> bool {
        cache.0.folder.join(function(name).to_string()).exists()
    }

    #[test]
    fn the_function_that_was_not_built_for_the_longest_time_loses_its_cache_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        for (name, hours) in [("middle", 2), ("oldest", 3), ("newest", 1)] {
            build(&cache, name, 3 * KIB, 0, Duration::from_secs(hours * 3600));
        }
        cache.make_room().unwrap();
        assert!(!there(&cache, "oldest") && there(&cache, "middle") && there(&cache, "newest"));
    }

    #[test]
    fn a_cache_that_is_too_large_has_too_many_files_or_is_too_old_goes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        build(&cache, "large", 5 * KIB, 0, Duration::ZERO);
        build(&cache, "many", 1, 20, Duration::ZERO);
        build(&cache, "old", 1, 0, MAX_AGE + Duration::from_secs(60));
        build(&cache, "good", 1, 5, Duration::ZERO);
        cache.make_room().unwrap();
        assert!(["large", "many", "old"].iter().all(|name| !there(&cache, name)) && there(&cache, "good"));
        assert_eq!(fs::read_dir(&cache.0.folder).unwrap().count(), 1);
    }

    #[test]
    fn what_a_build_uses_stays_until_it_is_let_go_of() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        build(&cache, "large", 5 * KIB, 0, Duration::ZERO);
        let shelf = cache.open(function("large")).unwrap();
        cache.make_room().unwrap();
        assert!(there(&cache, "large"));
        drop(shelf);
        cache.make_room().unwrap();
        assert!(!there(&cache, "large"));
    }
}
