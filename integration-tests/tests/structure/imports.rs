//! Reading the imports of a crate's files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which module imports which others.
#[derive(Default)]
pub(crate) struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub(crate) fn add(&mut self, from: &str, to: &str) {
        self.0.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    /// The groups of modules that import each other, directly or not, in order.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&String, BTreeSet<&String>> =
            self.0.keys().map(|module| (module, self.reached_from(module))).collect();
        let mut circles = BTreeSet::new();
        for (module, others) in &reached {
            if others.contains(module) {
                let is_mutual =
                    |other: &&&String| reached.get(**other).is_some_and(|back| back.contains(module));
                circles.insert(others.iter().filter(is_mutual).map(|other| (*other).clone()).collect());
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from<'a>(&'a self, start: &'a String) -> BTreeSet<&'a String> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(module) = open.pop() {
            let imports = self.0.get(module).into_iter().flatten();
            open.extend(imports.filter(|import| reached.insert(*import)));
        }
        reached
    }

    /// The arrows between modules with different first names, by these names.
    pub(crate) fn between_first_names(&self) -> BTreeSet<(String, String)> {
        let first = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
        let arrows = self.0.iter().flat_map(|(from, imports)| imports.iter().map(move |to| (from, to)));
        arrows.map(|(from, to)| (first(from), first(to))).filter(|(from, to)| from != to).collect()
    }
}

/// Returns the imports among the files of a crate, without its root.
pub(crate) fn crate_graph(name: &str) -> Graph {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
    let mut files = BTreeMap::new();
    collect(&source, &source, &mut files);
    let mut graph = Graph::default();
    for (module, file) in &files {
        for path in paths(&fs::read_to_string(file).unwrap_or_default(), module) {
            // The longest prefix that is a file; the rest names an item in it.
            let target =
                (1..=path.len()).rev().map(|length| &path[..length]).find(|path| files.contains_key(*path));
            if let Some(target) = target.filter(|target| *target != module.as_slice()) {
                graph.add(&module.join("::"), &target.join("::"));
            }
        }
    }
    graph
}

/// Finds the files of a folder with their module paths, without the root and without tests.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<Vec<String>, PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of sources can be read") {
        let path = entry.expect("the folder of sources can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if matches!(name, "tests" | "testing") {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let relative = path.strip_prefix(root).expect("the file is below the root").with_extension("");
            let mut module: Vec<_> =
                relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            module.pop_if(|last| last == "mod");
            if !matches!(module.iter().map(String::as_str).collect::<Vec<_>>()[..], ["lib" | "main"]) {
                files.insert(module, path);
            }
        }
    }
}

/// Returns the paths within the crate that a file names, outside of its tests and comments.
pub(crate) fn paths(source: &str, module: &[String]) -> Vec<Vec<String>> {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for declaration in code.split("use ").skip(1) {
        let tree = declaration.split(';').next().unwrap_or_default();
        if ["crate::", "super::", "self::"].iter().any(|start| tree.trim_start().starts_with(start)) {
            expand("", tree, &mut found);
        }
    }
    for (at, _) in code.match_indices("crate::") {
        let is_name = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
        let path: String = code[at..].chars().take_while(|character| is_name(*character)).collect();
        found.push(path.trim_end_matches(':').to_owned());
    }
    let paths = found.iter().map(|path| resolve(path, module)).collect::<BTreeSet<_>>();
    paths.into_iter().filter(|path| !path.is_empty()).collect()
}

/// Writes out the branches of a `use` tree.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, body)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        found.push(format!("{prefix}{}", path.trim()));
        return;
    };
    let (mut depth, mut branch) = (0, String::new());
    for character in body.chars() {
        match character {
            ',' | '}' if depth == 0 => {
                if !branch.trim().is_empty() {
                    expand(&format!("{prefix}{}", head.trim()), &branch, found);
                }
                branch.clear();
                if character == '}' {
                    break;
                }
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        branch.push(character);
    }
}

/// Resolves a path that starts with `crate`, `super` or `self`.
fn resolve(path: &str, module: &[String]) -> Vec<String> {
    let mut resolved = module.to_vec();
    for name in path.split("::").map(str::trim) {
        match name {
            "crate" => resolved.clear(),
            "super" => drop(resolved.pop()),
            "self" | "" => {}
            name => resolved.push(name.to_owned()),
        }
    }
    resolved
}
