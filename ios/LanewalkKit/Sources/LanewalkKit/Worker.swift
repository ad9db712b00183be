import Dispatch
import Foundation

/// Runs the core's blocking calls away from the main actor and from Swift's cooperative threads.
///
/// Invariant: a round with headquarters has a queue of its own, so that minutes of network never
/// stand before a read. Rejected: `Task.detached`, whose few threads must not block.
final class Worker: @unchecked Sendable {
    private let calls = DispatchQueue(label: "cn.lanewalk.calls", qos: .userInitiated, attributes: .concurrent)
    private let rounds = DispatchQueue(label: "cn.lanewalk.rounds", qos: .utility)

    /// Calls the core.
    func call<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await Self.run(on: calls, work)
    }

    /// Runs a round; `stop` is called when the task is cancelled, also before the round has begun.
    func round<T: Sendable>(
        _ work: @escaping @Sendable () throws -> T,
        stop: @escaping @Sendable () -> Void
    ) async throws -> T {
        try await withTaskCancellationHandler {
            try await Self.run(on: rounds, work)
        } onCancel: {
            stop()
        }
    }

    /// Does something later that nobody waits for.
    func later(_ work: @escaping @Sendable () -> Void) {
        calls.async(execute: work)
    }

    private static func run<T: Sendable>(
        on queue: DispatchQueue,
        _ work: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            queue.async {
                continuation.resume(with: Result(catching: work))
            }
        }
    }
}
