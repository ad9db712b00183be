"""Checks the Swift sources by their parse trees, for machines without a Swift compiler.

Usage: sources.py <generated Swift> <package folder> [page.md]... Says every fault and exits with 1.
A page's Swift blocks are parsed too.
"""

import re
import sys
from pathlib import Path

import tree_sitter_swift
from tree_sitter import Language, Parser

APPLE = {
    "AVFoundation", "AppKit", "Combine", "CoreFoundation", "CoreLocation", "CryptoKit", "Darwin", "LocalAuthentication",
    "Network", "OSLog", "Security", "SwiftUI", "UIKit", "os",
}
PARSER = Parser(Language(tree_sitter_swift.language()))
# Two things the generator writes and the grammar does not know: an attribute inside #if, and a closure
# that is an empty tuple.
ATTRIBUTE = re.compile(rb"^#if swift\(>=5\.8\)\n\s*@_documentation\(visibility: private\)\n#endif$", re.M)
NOTHING = (b"let writeReturn = { () }", b"let writeReturn = { 0 }")


def tree(source):
    return PARSER.parse(source).root_node


def nodes(node):
    yield node
    for child in node.children:
        yield from nodes(child)


def parse_faults(path, root):
    for node in nodes(root):
        if node.is_error or node.is_missing:
            line, column = node.start_point
            yield f"{path}:{line + 1}:{column + 1}: not Swift: {'missing ' if node.is_missing else ''}{node.type}"


def text(node):
    return node.text.decode()


def enum_cases(root, name):
    """Names the cases of an enum."""
    for node in nodes(root):
        named = node.type == "class_declaration" and node.child_by_field_name("name")
        if named and text(named) == name and any(c.type == "enum" for c in node.children):
            entries = (n for n in nodes(node) if n.type == "enum_entry")
            return [text(c) for entry in entries for c in entry.children_by_field_name("name")]
    return []


def switches_on_self(root, extended):
    """Finds every `switch self` inside the extensions of a type."""
    for node in nodes(root):
        if node.type != "class_declaration" or not any(c.type == "extension" for c in node.children):
            continue
        if text(node.child_by_field_name("name")) != extended:
            continue
        for inner in nodes(node):
            if inner.type == "switch_statement" and text(inner.child_by_field_name("expr")) == "self":
                yield inner


def switch_faults(path, root, cases):
    found = list(switches_on_self(root, "LanewalkError"))
    if not found:
        yield f"{path}: no `switch self` over LanewalkError"
    for switch in found:
        line = switch.start_point[0] + 1
        entries = [n for n in switch.children if n.type == "switch_entry"]
        if any(c.type == "default_keyword" for e in entries for c in e.children):
            yield f"{path}:{line}: a default hides new cases"
        patterns = [text(c) for e in entries for c in e.children if c.type == "switch_pattern"]
        named = {re.match(r"\.`?(\w+)", p).group(1) for p in patterns if p.startswith(".")}
        for missing in sorted(set(cases) - named):
            yield f"{path}:{line}: the switch does not name LanewalkError.{missing}"
        for unknown in sorted(named - set(cases)):
            yield f"{path}:{line}: LanewalkError has no case {unknown}"


def import_faults(path, source):
    """Follows the lines: a directive is not part of the grammar's blocks."""
    open_conditions = []
    for number, line in enumerate(source.decode().splitlines(), 1):
        line = line.strip()
        if line.startswith("#if"):
            open_conditions.append(line)
        elif line.startswith(("#else", "#elseif")) and open_conditions:
            open_conditions[-1] = line
        elif line.startswith("#endif") and open_conditions:
            open_conditions.pop()
        found = re.match(r"(?:@\w+\s+)*(?:public |internal |private )?import\s+(?:\w+\s+)?(\w+)", line)
        if found and found.group(1) in APPLE and not any("canImport(" in c for c in open_conditions):
            yield f"{path}:{number}: import {found.group(1)} outside #if canImport"


def name_faults(path, source, generated):
    """Every public type of the core has its name in the kit."""
    types = set(re.findall(rb"^(?:public|open)\s+(?:struct|enum|protocol|class)\s+(\w+)", generated, re.M))
    types = {t for t in types if not t.startswith(b"FfiConverter") and not t.endswith((b"Protocol", b"Impl"))}
    aliases = set(re.findall(rb"^public typealias \w+ = LanewalkCore\.(\w+)$", source, re.M))
    for missing in sorted(types - aliases):
        yield f"{path}: no name for LanewalkCore.{missing.decode()}"
    for unknown in sorted(aliases - types):
        yield f"{path}: LanewalkCore has no {unknown.decode()}"


def blocks(page):
    """Takes a page's Swift blocks, each at its own lines."""
    source = page.read_bytes()
    for block in re.finditer(rb"^```swift\n(.*?)^```$", source, re.M | re.S):
        yield b"\n" * source.count(b"\n", 0, block.start(1)) + block[1]


def main(generated, package, *pages):
    generated, package = Path(generated), Path(package)
    generated_source = ATTRIBUTE.sub(b"\n\n", generated.read_bytes()).replace(*NOTHING)
    core = tree(generated_source)
    faults = list(parse_faults(generated, core))
    cases = enum_cases(core, "LanewalkError")
    if not cases:
        faults.append(f"{generated}: no enum LanewalkError")
    sources = sorted(p for p in package.rglob("*.swift") if not p.is_symlink() and ".build" not in p.parts)
    for path in sources:
        source = path.read_bytes()
        root = tree(source)
        faults += parse_faults(path, root)
        faults += import_faults(path, source)
        if path.name == "Failure.swift":
            faults += switch_faults(path, root, cases)
        if path.name == "Names.swift":
            faults += name_faults(path, source, generated_source)
    for page in map(Path, pages):
        for block in blocks(page):
            faults += parse_faults(page, tree(block))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return 1
    print(f"{len(sources) + 1} Swift files parsed; {len(cases)} errors of the core named in every switch")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
