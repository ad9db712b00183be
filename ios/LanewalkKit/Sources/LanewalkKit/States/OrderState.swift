import LanewalkCore

/// The page of one order.
public enum OrderState: Sendable, Equatable {
    case loading
    case shown(OrderView)
    /// An act is on its way to the store; its button rests meanwhile.
    case acting(OrderView, action: String)
    /// An act was not taken; nothing was written. The page stands.
    case refused(OrderView, Failure)
    /// Not readable now.
    case failed(Failure)
    /// Not on this phone any more.
    case gone

    public enum Event: Sendable, Equatable {
        /// The page as ``Lanewalk/liveOrder(_:)`` tells it; nil when the order has left this phone.
        case told(OrderView?)
        case began(action: String)
        case failed(Failure)
        case dismissed
    }

    public func after(_ event: Event) -> OrderState {
        switch event {
        case .told(let view):
            view.map { .shown($0) } ?? .gone
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
        case .loading, .failed, .gone: nil
        case .shown(let view): view
        case .acting(let view, _): view
        case .refused(let view, _): view
        }
    }
}
