import LanewalkCore

/// The page of one order.
public enum OrderState: Sendable, Equatable {
    case loading
    case shown(OrderView)
    /// An act is on its way to the store; its button rests meanwhile.
    case acting(OrderView, action: String)
    /// An act was not taken; nothing was written. The page stands.
    case refused(OrderView, Failure)
    /// Not on this phone, or not readable now.
    case failed(Failure)

    public enum Event: Sendable, Equatable {
        case read(OrderView)
        case began(action: String)
        case failed(Failure)
        case dismissed
    }

    public func after(_ event: Event) -> OrderState {
        switch event {
        case .read(let view):
            .shown(view)
        case .began(let action):
            page.map { .acting($0, action: action) } ?? self
        case .failed(let failure):
            page.map { .refused($0, failure) } ?? .failed(failure)
        case .dismissed:
            page.map { .shown($0) } ?? self
        }
    }

    public var page: OrderView? {
        switch self {
        case .loading, .failed: nil
        case .shown(let view): view
        case .acting(let view, _): view
        case .refused(let view, _): view
        }
    }
}
