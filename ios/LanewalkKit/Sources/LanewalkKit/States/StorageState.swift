import LanewalkCore

/// The room for photos on this phone.
public enum StorageState: Sendable, Equatable {
    case loading
    case shown(StorageView)
    /// Files that lie in headquarters' verified backup are given up.
    case freeing(StorageView)
    case freed(StorageView, FreedSpace)
    case failed(StorageView?, Failure)

    public enum Event: Sendable, Equatable {
        case read(StorageView)
        case began
        case freed(StorageView, FreedSpace)
        case failed(Failure)
    }

    public func after(_ event: Event) -> StorageState {
        switch event {
        case .read(let view): .shown(view)
        case .began: view.map { .freeing($0) } ?? self
        case .freed(let view, let space): .freed(view, space)
        case .failed(let failure): .failed(view, failure)
        }
    }

    public var view: StorageView? {
        switch self {
        case .loading: nil
        case .shown(let view): view
        case .freeing(let view): view
        case .freed(let view, _): view
        case .failed(let view, _): view
        }
    }
}
