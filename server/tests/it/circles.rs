//! No two files use each other, be it by way of others.
//!
//! A name counts for the file that declares it, not for a `mod.rs` that passes it on (`pub use`): a front page that lists
//! what a room has makes no circle. Tests may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A module: the names that lead to it from the crate's root.
type Module = Vec<String>;

#[derive(Default)]
struct Source {
    /// What names in this module stand for, by `use`.
    names: BTreeMap<String, Module>,
    /// Names that it only passes on.
    passed_on: BTreeSet<String>,
    /// Paths that its code is written with.
    paths: Vec<Vec<String>>,
}

#[test]
fn no_two_files_use_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    find(&root, &root, &mut files);
    assert!(files.len() > 200, "only {} files were found", files.len());
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let sources: BTreeMap<Module, Source> =
        files.iter().map(|(module, path)| (module.clone(), read(path, module, &modules))).collect();
    let uses: BTreeMap<&Module, BTreeMap<Module, String>> =
        sources.iter().map(|(module, source)| (module, used_by(module, source, &sources))).collect();
    assert!(uses.values().map(BTreeMap::len).sum::<usize>() > 1000, "hardly any use was found");
    let mut circles = Vec::new();
    for (module, used) in &uses {
        for (other, name) in used {
            let Some(way) = way(other, module, &uses) else { continue };
            let place = |module: &Module| files[module].strip_prefix(&root).unwrap().display().to_string();
            let on_the_way: Vec<_> = way.iter().map(place).collect();
            circles.push(format!("{} uses {name} of {}, and is used by it", place(module), on_the_way.join(" -> ")));
        }
    }
    assert!(circles.is_empty(), "move what both use to a file of its own:\n{}", circles.join("\n"));
}

/// All modules below a folder, but tests.
fn find(root: &Path, folder: &Path, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(root, &path, files);
            continue;
        }
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let inside = path.strip_prefix(root).unwrap().with_extension("");
        let mut module: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        let is_test = |part: &String| ["tests", "contract", "testing", "fuzz", "watched"].contains(&part.as_str());
        if module.iter().any(is_test) || ["main", "lib"].contains(&module[0].as_str()) {
            continue;
        }
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        files.insert(module, path);
    }
}

fn read(path: &Path, module: &Module, modules: &BTreeSet<Module>) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = Reader { module, modules, source: Source::default() };
    file.items.iter().filter(|item| !is_for_tests(item)).for_each(|item| reader.visit_item(item));
    reader.source
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => return false,
    };
    are_for_tests(attributes)
}

fn are_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|argument| argument.is_ident("test"))
    })
}

struct Reader<'a> {
    module: &'a Module,
    modules: &'a BTreeSet<Module>,
    source: Source,
}

impl Reader<'_> {
    fn add(&mut self, before: &[String], tree: &syn::UseTree, passes_on: bool) {
        let (name, path) = match tree {
            syn::UseTree::Path(path) => {
                let deeper: Vec<_> = before.iter().cloned().chain([path.ident.to_string()]).collect();
                return self.add(&deeper, &path.tree, passes_on);
            }
            syn::UseTree::Group(group) => return group.items.iter().for_each(|one| self.add(before, one, passes_on)),
            syn::UseTree::Glob(_) => return,
            syn::UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            syn::UseTree::Rename(name) => (name.rename.to_string(), name.ident.to_string()),
        };
        let mut whole = before.to_vec();
        let name = match path.as_str() {
            "self" if name == "self" => before.last().cloned().unwrap_or_default(),
            "self" => name,
            _ => {
                whole.push(path);
                name
            }
        };
        let Some(found) = absolute(&whole, self.module, self.modules) else { return };
        if passes_on {
            self.source.passed_on.insert(name.clone());
        }
        self.source.names.insert(name, found);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add(&[], &item.tree, !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !are_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !are_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.source.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// A path from the crate's root; `None` when it leads out of the crate, or begins with a name that a `use` explains.
fn absolute(path: &[String], module: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let first = path.first()?;
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some(module.iter().chain(&path[1..]).cloned().collect()),
        "super" => {
            let above = path.iter().take_while(|part| *part == "super").count();
            let base = &module[..module.len().checked_sub(above)?];
            Some(base.iter().chain(&path[above..]).cloned().collect())
        }
        _ => {
            let child: Module = module.iter().chain([first]).cloned().collect();
            modules.contains(&child).then(|| module.iter().chain(path).cloned().collect())
        }
    }
}

/// The module that declares what a path names, and the name; `None` for a path that names a module.
fn declared(path: &[String], sources: &BTreeMap<Module, Source>, depth: usize) -> Option<(Module, String)> {
    let within = (0..=path.len()).rev().find(|end| sources.contains_key(&path[..*end]))?;
    let (module, rest) = path.split_at(within);
    let name = rest.first()?;
    if depth < 8
        && let Some(other) = sources[module].names.get(name).filter(|other| other.as_slice() != path)
    {
        let whole: Vec<_> = other.iter().chain(&rest[1..]).cloned().collect();
        return declared(&whole, sources, depth + 1);
    }
    Some((module.to_vec(), name.clone()))
}

/// The modules that one uses, each with a name that it uses of it.
fn used_by(module: &Module, source: &Source, sources: &BTreeMap<Module, Source>) -> BTreeMap<Module, String> {
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    let first = |path: &Vec<String>| path.first().cloned().unwrap_or_default();
    let spoken: BTreeSet<String> = source.paths.iter().map(first).collect();
    let imported = source.names.iter().filter(|(name, _)| !source.passed_on.contains(*name) || spoken.contains(*name));
    let written = source.paths.iter().filter_map(|path| {
        let named = || Some(source.names.get(path.first()?)?.iter().chain(&path[1..]).cloned().collect());
        absolute(path, module, &modules).or_else(named)
    });
    let all = imported.map(|(_, path)| path.clone()).chain(written);
    let found = all.filter_map(|path| declared(&path, sources, 0));
    found.filter(|(other, _)| other != module).collect()
}

/// A way from one module to another, by what each uses.
fn way(from: &Module, to: &Module, uses: &BTreeMap<&Module, BTreeMap<Module, String>>) -> Option<Vec<Module>> {
    let mut before: BTreeMap<Module, Option<Module>> = [(from.clone(), None)].into();
    let mut next = vec![from.clone()];
    while let Some(module) = next.pop() {
        if module == *to {
            let mut way = Vec::new();
            let mut at = before[&module].clone();
            while let Some(one) = at {
                at = before[&one].clone();
                way.insert(0, one);
            }
            return Some(way);
        }
        for other in uses.get(&module).into_iter().flat_map(|used| used.keys()) {
            if !before.contains_key(other) {
                before.insert(other.clone(), Some(module.clone()));
                next.push(other.clone());
            }
        }
    }
    None
}
