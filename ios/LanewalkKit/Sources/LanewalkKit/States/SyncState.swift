import LanewalkCore

/// How this phone stands with headquarters.
public enum SyncState: Sendable, Equatable {
    case unknown
    case resting(StatusView)
    case sending(StatusView?)
    /// No network: everything is on this phone.
    case offline(StatusView?)
    /// A person must do something; the remedy says what.
    case stopped(StatusView?, Failure)

    public enum Event: Sendable, Equatable {
        case status(StatusView)
        case began
        case ended
        case failed(Failure)
    }

    public func after(_ event: Event) -> SyncState {
        switch event {
        case .status(let status): with(status)
        case .began: .sending(status)
        case .ended: status.map { .resting($0) } ?? .unknown
        case .failed(let failure): failed(failure)
        }
    }

    public var status: StatusView? {
        switch self {
        case .unknown: nil
        case .resting(let status): status
        case .sending(let status): status
        case .offline(let status): status
        case .stopped(let status, _): status
        }
    }

    /// The lines of the status bar.
    public var lines: [Phrase] {
        var lines: [Phrase] = []
        switch self {
        case .unknown, .resting: break
        case .sending: lines.append(Self.line("ui.sending"))
        case .offline: lines.append(Self.line("ui.offline"))
        case .stopped(_, let failure): lines.append(failure.reason.text)
        }
        guard let status else { return lines }
        lines.append(status.pending == 0 ? Self.line("ui.all_sent") : Self.line("ui.waiting", status.pending))
        if status.quarantined > 0 { lines.append(Self.line("ui.refused", status.quarantined)) }
        if status.conflicts > 0 { lines.append(Self.line("ui.conflicts", status.conflicts)) }
        if status.lastContactMs == nil { lines.append(Self.line("ui.never_contacted")) }
        return lines + status.problems
    }

    private func with(_ status: StatusView) -> SyncState {
        switch self {
        case .unknown, .resting: .resting(status)
        case .sending: .sending(status)
        case .offline: .offline(status)
        case .stopped(_, let failure): .stopped(status, failure)
        }
    }

    private func failed(_ failure: Failure) -> SyncState {
        switch failure.remedy {
        case .later: .offline(status)
        // The next round comes by itself.
        case .wait, .resume: status.map { .resting($0) } ?? .unknown
        default: .stopped(status, failure)
        }
    }

    private static func line(_ code: String, _ count: UInt64? = nil) -> Phrase {
        Phrase(code: code, args: count.map { ["count": String($0)] } ?? [:])
    }
}
