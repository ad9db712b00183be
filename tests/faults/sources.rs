//! The names of all tests, read from the sources.
//!
//! Rejected: asking the test binaries, which would have to be built first, all of them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Returns `package/target::module::name` of every test of every member of the workspace.
pub(crate) fn tests_of_the_workspace(root: &Path) -> BTreeSet<String> {
    let workspace: toml::Table = read(&root.join("Cargo.toml")).parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let mut found = BTreeSet::new();
    for member in members {
        let folder = root.join(member.as_str().unwrap());
        let manifest: toml::Table = read(&folder.join("Cargo.toml")).parse().unwrap();
        let package = manifest["package"]["name"].as_str().unwrap().to_owned();
        for (target, file) in targets(&folder, &manifest) {
            walk_file(&file, true, &format!("{package}/{target}"), &mut found);
        }
    }
    found
}

/// Says whether a test of another language is there: `path::words`, the words in the file.
pub(crate) fn in_another_language(root: &Path, name: &str) -> bool {
    let Some((path, words)) = name.split_once("::") else { return false };
    let other = [".py", ".kt", ".swift", ".js"].iter().any(|end| path.ends_with(end));
    other && std::fs::read_to_string(root.join(path)).is_ok_and(|text| text.contains(words))
}

/// Root files of a package's targets with tests.
fn targets(folder: &Path, manifest: &toml::Table) -> Vec<(String, PathBuf)> {
    let mut targets = vec![("lib".to_owned(), "src/lib.rs".into()), ("bin".to_owned(), "src/main.rs".into())];
    if let Some(path) = manifest.get("lib").and_then(|lib| lib.get("path")) {
        targets[0].1 = PathBuf::from(path.as_str().unwrap());
    }
    match manifest.get("test").and_then(toml::Value::as_array) {
        Some(named) => targets.extend(named.iter().map(|test| {
            let text = |key: &str| test[key].as_str().unwrap();
            (text("name").to_owned(), text("path").into())
        })),
        None => targets.extend(found_tests(&folder.join("tests"))),
    }
    targets.into_iter().map(|(name, path)| (name, folder.join(path))).filter(|(_, f)| f.is_file()).collect()
}

/// What cargo finds by itself: `tests/name.rs` and `tests/name/main.rs`.
fn found_tests(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path());
    let target = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let file = if path.is_dir() { path.join("main.rs") } else { path };
        (file.extension()? == "rs" && file.is_file()).then_some((name, file))
    };
    entries.filter_map(target).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads a file as the module `name`; `root` says that it is a target's root, whose modules lie
/// beside it.
fn walk_file(file: &Path, root: bool, name: &str, found: &mut BTreeSet<String>) {
    let text = read(file);
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let beside = file.parent().unwrap();
    let children = match root || file.ends_with("mod.rs") {
        true => beside.to_owned(),
        false => beside.join(file.file_stem().unwrap()),
    };
    walk(tokens, name, &children, beside, found);
}

/// Attributes since the last item.
#[derive(Default)]
struct Attributes {
    test: bool,
    path: Option<String>,
}

fn walk(tokens: TokenStream, name: &str, children: &Path, beside: &Path, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut attributes = Attributes::default();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(word)) => word.to_string(),
        Some(TokenTree::Punct(sign)) => sign.to_string(),
        _ => String::new(),
    };
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if at > 0 && word(at - 1) == "#" => {
                attributes.read(group.stream());
            }
            // The body of a macro that makes tests holds them as they will stand.
            TokenTree::Group(group) if at > 1 && word(at - 1) == "!" && word(at - 2) == "proptest" => {
                walk(group.stream(), name, children, beside, found);
            }
            TokenTree::Ident(ident) if *ident == "fn" => {
                let Attributes { test, .. } = std::mem::take(&mut attributes);
                found.extend(test.then(|| format!("{name}::{}", word(at + 1))));
            }
            TokenTree::Ident(ident) if *ident == "mod" => {
                let module = word(at + 1);
                let path = std::mem::take(&mut attributes).path;
                let inner = format!("{name}::{module}");
                match (tokens.get(at + 2), path) {
                    (Some(TokenTree::Group(body)), _) if body.delimiter() == Delimiter::Brace => {
                        let folder = children.join(&module);
                        walk(body.stream(), &inner, &folder, &folder, found);
                    }
                    // A file named so has its modules beside it, as `mod.rs` has.
                    (_, Some(path)) => walk_file(&beside.join(path), true, &inner, found),
                    _ => {
                        let flat = children.join(format!("{module}.rs"));
                        let deep = children.join(&module).join("mod.rs");
                        walk_file(if flat.is_file() { &flat } else { &deep }, false, &inner, found);
                    }
                }
            }
            TokenTree::Punct(sign) if sign.as_char() == ';' => attributes = Attributes::default(),
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                attributes = Attributes::default();
            }
            _ => {}
        }
    }
}

impl Attributes {
    /// Reads what stands between the brackets: `test`, `tokio::test`, `path = ".."`.
    fn read(&mut self, inside: TokenStream) {
        let tokens: Vec<String> = inside.into_iter().map(|t| t.to_string()).collect();
        let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["test"] | ["tokio", ":", ":", "test", ..] => self.test = true,
            ["path", "=", path] => self.path = Some(path.trim_matches('"').to_owned()),
            _ => {}
        }
    }
}
