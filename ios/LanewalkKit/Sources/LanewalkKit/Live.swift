import Foundation
import LanewalkCore

/// One step from the last list to the next.
enum Step<Row: Sendable>: Sendable {
    case insert(at: Int, row: Row)
    case update(at: Int, row: Row)
    case remove(at: Int)
}

/// What a live list says, whatever its rows are.
enum Told<Row: Sendable>: Sendable {
    case whole([Row])
    case steps([Step<Row>])
}

/// Says why a step could not be taken: the list is not the one the step was made for.
struct OutOfStep: Error {}

/// Folds what is told into the whole list as it is now.
struct Fold<Row: Sendable>: Sendable {
    private(set) var rows: [Row] = []

    mutating func take(_ told: Told<Row>) throws {
        switch told {
        case .whole(let rows):
            self.rows = rows
        case .steps(let steps):
            for step in steps { try take(step) }
        }
    }

    private mutating func take(_ step: Step<Row>) throws {
        switch step {
        case .insert(let at, let row):
            guard (0...rows.count).contains(at) else { throw OutOfStep() }
            rows.insert(row, at: at)
        case .update(let at, let row):
            guard rows.indices.contains(at) else { throw OutOfStep() }
            rows[at] = row
        case .remove(let at):
            guard rows.indices.contains(at) else { throw OutOfStep() }
            rows.remove(at: at)
        }
    }
}

/// Gives a screen the newest list: a screen that is slow misses lists between, never the last.
///
/// A step that does not fit throws: the core writes it to its log.
final class Feed<Row: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var fold = Fold<Row>()
    private let continuation: AsyncStream<[Row]>.Continuation

    init(_ continuation: AsyncStream<[Row]>.Continuation) {
        self.continuation = continuation
    }

    func take(_ told: Told<Row>) throws {
        lock.lock()
        defer { lock.unlock() }
        try fold.take(told)
        continuation.yield(fold.rows)
    }
}

/// Ends every stream when the core is shut down.
final class OpenStreams: @unchecked Sendable {
    private let lock = NSLock()
    private var next = 0
    private var ended = false
    private var ends: [Int: @Sendable () -> Void] = [:]

    /// Keeps an end; after ``endAll()`` it is called at once.
    func add(_ end: @escaping @Sendable () -> Void) -> Int {
        let (id, late) = keep(end)
        if late { end() }
        return id
    }

    func remove(_ id: Int) {
        lock.lock()
        defer { lock.unlock() }
        ends[id] = nil
    }

    /// Ends them outside the lock: an end removes itself.
    func endAll() {
        for end in takeAll() { end() }
    }

    private func takeAll() -> [@Sendable () -> Void] {
        lock.lock()
        defer { lock.unlock() }
        let all = Array(ends.values)
        ends.removeAll()
        ended = true
        return all
    }

    private func keep(_ end: @escaping @Sendable () -> Void) -> (id: Int, late: Bool) {
        lock.lock()
        defer { lock.unlock() }
        next += 1
        if !ended { ends[next] = end }
        return (next, ended)
    }
}
