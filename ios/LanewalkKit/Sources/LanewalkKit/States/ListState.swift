import LanewalkCore

/// A screen that is a live list: today's orders, the residents, the places, the knowledge.
public enum ListState<Row: Sendable & Equatable>: Sendable, Equatable {
    case loading
    case empty
    case shown([Row])
    /// The list could not be followed; the last rows stay on the screen.
    case failed(Failure, last: [Row])

    public enum Event: Sendable, Equatable {
        case told([Row])
        case failed(Failure)
        case again
    }

    public func after(_ event: Event) -> ListState {
        switch event {
        case .told(let rows): rows.isEmpty ? .empty : .shown(rows)
        case .failed(let failure): .failed(failure, last: rows)
        case .again: rows.isEmpty ? .loading : .shown(rows)
        }
    }

    /// What is on the screen.
    public var rows: [Row] {
        switch self {
        case .loading, .empty: []
        case .shown(let rows): rows
        case .failed(_, let last): last
        }
    }
}

/// Today's list 今日工单.
public typealias TodayState = ListState<OrderRow>
/// The residents of the grids held.
public typealias PeopleState = ListState<PersonRow>
/// The places of the grids held.
public typealias PlacesState = ListState<PlaceRow>
