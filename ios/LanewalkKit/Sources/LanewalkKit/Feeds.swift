import LanewalkCore

// One listener for each kind of row: the generated types are alike and share no protocol.

final class OrderFeed: OrderListener {
    private let feed: Feed<OrderRow>

    init(_ feed: Feed<OrderRow>) {
        self.feed = feed
    }

    func changed(update: OrderUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: OrderChange) -> Step<OrderRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

final class VisitFeed: VisitListener {
    private let feed: Feed<VisitRow>

    init(_ feed: Feed<VisitRow>) {
        self.feed = feed
    }

    func changed(update: VisitUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: VisitChange) -> Step<VisitRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

final class AppealFeed: AppealListener {
    private let feed: Feed<AppealRow>

    init(_ feed: Feed<AppealRow>) {
        self.feed = feed
    }

    func changed(update: AppealUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: AppealChange) -> Step<AppealRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

final class PersonFeed: PersonListener {
    private let feed: Feed<PersonRow>

    init(_ feed: Feed<PersonRow>) {
        self.feed = feed
    }

    func changed(update: PersonUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: PersonChange) -> Step<PersonRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

final class PlaceFeed: PlaceListener {
    private let feed: Feed<PlaceRow>

    init(_ feed: Feed<PlaceRow>) {
        self.feed = feed
    }

    func changed(update: PlaceUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: PlaceChange) -> Step<PlaceRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

final class KnowledgeFeed: KnowledgeListener {
    private let feed: Feed<KnowledgeRow>

    init(_ feed: Feed<KnowledgeRow>) {
        self.feed = feed
    }

    func changed(update: KnowledgeUpdate) throws {
        switch update {
        case .reset(let rows): try feed.take(.whole(rows))
        case .diff(let changes): try feed.take(.steps(changes.map(Self.step)))
        }
    }

    private static func step(_ change: KnowledgeChange) -> Step<KnowledgeRow> {
        switch change {
        case .insert(let at, let row): .insert(at: Int(at), row: row)
        case .update(let at, let row): .update(at: Int(at), row: row)
        case .remove(let at): .remove(at: Int(at))
        }
    }
}

/// Hands on every new status; the newest stands for those before it.
final class StatusFeed: StatusListener {
    private let continuation: AsyncStream<StatusView>.Continuation

    init(_ continuation: AsyncStream<StatusView>.Continuation) {
        self.continuation = continuation
    }

    func changed(status: StatusView) throws {
        continuation.yield(status)
    }
}

/// Hands on every new page of an order.
final class OrderPageFeed: OrderPageListener {
    private let continuation: AsyncStream<OrderView?>.Continuation

    init(_ continuation: AsyncStream<OrderView?>.Continuation) {
        self.continuation = continuation
    }

    func changed(page: OrderView?) throws {
        continuation.yield(page)
    }
}

/// Hands on every new list of conflicts.
final class ConflictsFeed: ConflictsListener {
    private let continuation: AsyncStream<[ConflictView]>.Continuation

    init(_ continuation: AsyncStream<[ConflictView]>.Continuation) {
        self.continuation = continuation
    }

    func changed(conflicts: [ConflictView]) throws {
        continuation.yield(conflicts)
    }
}
