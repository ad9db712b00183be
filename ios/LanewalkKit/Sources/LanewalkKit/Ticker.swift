/// Says once a minute that time has passed, while a screen with countdowns is looked at.
///
/// The clock is given: tests move it by hand. Ends with its task, and when the core is shut down.
public struct Ticker<C: Clock>: Sendable where C.Duration == Duration {
    private let clock: C
    private let interval: Duration

    public init(clock: C, interval: Duration = .seconds(60)) {
        self.clock = clock
        self.interval = interval
    }

    /// Ticks until the task is cancelled or `tick` throws something other than `Paused`.
    public func run(_ tick: @escaping @Sendable () async throws -> Void) async {
        var next = clock.now.advanced(by: interval)
        while !Task.isCancelled {
            do {
                try await clock.sleep(until: next, tolerance: nil)
                try await tick()
            } catch LanewalkError.Paused {
                // The app is in the background; the list is told anew when it comes back.
            } catch {
                return
            }
            next = next.advanced(by: interval)
            // After a long sleep of the phone one tick is enough.
            if next < clock.now { next = clock.now.advanced(by: interval) }
        }
    }
}

extension Ticker where C == ContinuousClock {
    public init(interval: Duration = .seconds(60)) {
        self.init(clock: ContinuousClock(), interval: interval)
    }
}
