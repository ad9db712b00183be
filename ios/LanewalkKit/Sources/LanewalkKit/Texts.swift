import LanewalkCore

/// Puts the core's codes into words.
public struct Texts: Sendable {
    private let table: [String: String]

    /// Takes the core's table of a language.
    public init(_ language: Language) {
        table = textTable(language: language)
    }

    init(table: [String: String]) {
        self.table = table
    }

    /// Every code that has words.
    var codes: Set<String> {
        Set(table.keys)
    }

    /// Returns the words; for a code that the table does not know (a newer headquarters) its last part.
    public func words(_ text: Phrase) -> String {
        guard let pattern = table[text.code] else {
            return text.code.split(separator: ".").last.map(String.init) ?? text.code
        }
        return Self.filled(pattern, with: text.args)
    }

    public func words(_ code: String, _ args: [String: String] = [:]) -> String {
        words(Phrase(code: code, args: args))
    }

    /// Fills in one pass, so that braces inside a value stay as they are.
    static func filled(_ pattern: String, with args: [String: String]) -> String {
        var words = ""
        var rest = pattern[...]
        while let start = rest.firstIndex(of: "{") {
            words.append(contentsOf: rest[..<start])
            rest = rest[start...]
            guard let close = rest.firstIndex(of: "}") else { break }
            let name = String(rest[rest.index(after: start)..<close])
            words.append(args[name] ?? String(rest[...close]))
            rest = rest[rest.index(after: close)...]
        }
        return words + String(rest)
    }
}
