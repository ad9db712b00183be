import LanewalkCore

/// Fields on which people disagree 说法不一, until somebody chooses.
public enum ConflictsState: Sendable, Equatable {
    case loading
    case settled
    case waiting([ConflictView])
    /// A choice is on its way to the store.
    case settling([ConflictView], doc: String, key: String)
    /// The choice was not taken; both values stay.
    case refused([ConflictView], Failure)
    case failed(Failure)

    public enum Event: Sendable, Equatable {
        /// All of them as ``Lanewalk/liveConflicts()`` tells them.
        case read([ConflictView])
        case chose(doc: String, key: String)
        case failed(Failure)
    }

    public func after(_ event: Event) -> ConflictsState {
        switch event {
        case .read(let all):
            all.isEmpty ? .settled : .waiting(all)
        case .chose(let doc, let key):
            shown.isEmpty ? self : .settling(shown, doc: doc, key: key)
        case .failed(let failure):
            shown.isEmpty ? .failed(failure) : .refused(shown, failure)
        }
    }

    public var shown: [ConflictView] {
        switch self {
        case .loading, .settled, .failed: []
        case .waiting(let all): all
        case .settling(let all, _, _): all
        case .refused(let all, _): all
        }
    }
}
