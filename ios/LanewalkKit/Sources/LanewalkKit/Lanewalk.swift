import Foundation
import LanewalkCore

/// The phone's core for a Swift app: one for each store and process.
///
/// Every call runs on a thread of the kit, never on the caller's; so an instance may be used from
/// the main actor. The core's own methods are reached through ``orders(_:)`` and its sisters:
///
///     let page = try await lanewalk.orders { try $0.get(order: id) }
///
/// Errors are ``LanewalkError``; see ``Failure`` for what to do about each.
public final class Lanewalk: Sendable {
    private let field: Field
    private let worker: Worker
    private let streams = OpenStreams()

    private init(field: Field, worker: Worker) {
        self.field = field
        self.worker = worker
    }

    /// What the shell implements.
    public struct Shell: Sendable {
        let keys: any KeyStore
        let signer: any DeviceSigner
        let connectivity: (any Connectivity)?
        let position: (any Position)?
        let log: (any LogSink)?

        public init(
            keys: any KeyStore,
            signer: any DeviceSigner,
            connectivity: (any Connectivity)? = nil,
            position: (any Position)? = nil,
            log: (any LogSink)? = nil
        ) {
            self.keys = keys
            self.signer = signer
            self.connectivity = connectivity
            self.position = position
            self.log = log
        }
    }

    /// Opens the store, creating it when missing. `directory` is private to the app; on Apple's systems it
    /// is kept out of backups.
    public static func open(directory: String, rootCertificate: Data? = nil, shell: Shell) async throws -> Lanewalk {
        let worker = Worker()
        let field = try await worker.call {
            try keepOutOfBackup(directory)
            return try Field.open(
                config: OpenConfig(directory: directory, rootCertificate: rootCertificate),
                keys: shell.keys,
                signer: shell.signer,
                connectivity: shell.connectivity,
                position: shell.position,
                log: shell.log
            )
        }
        return Lanewalk(field: field, worker: worker)
    }

    /// Begins a new store with what can be read of a damaged one; ask the person first, then open it.
    public static func salvage(directory: String, keys: any KeyStore) async throws -> Salvaged {
        try await Worker().call { try LanewalkCore.salvage(directory: directory, keys: keys) }
    }

    /// The key never leaves this phone, so a copy of the store elsewhere is of no use to anybody.
    private static func keepOutOfBackup(_ directory: String) throws {
        #if canImport(Darwin)
        var folder = URL(fileURLWithPath: directory, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try folder.setResourceValues(values)
        #endif
    }

    // MARK: Calls

    public func orders<T: Sendable>(_ work: @escaping @Sendable (Orders) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.orders()) }
    }

    public func visits<T: Sendable>(_ work: @escaping @Sendable (Visits) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.visits()) }
    }

    public func photos<T: Sendable>(_ work: @escaping @Sendable (Photos) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.photos()) }
    }

    public func people<T: Sendable>(_ work: @escaping @Sendable (People) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.people()) }
    }

    public func knowledge<T: Sendable>(_ work: @escaping @Sendable (Knowledge) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.knowledge()) }
    }

    public func device<T: Sendable>(_ work: @escaping @Sendable (Device) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.device()) }
    }

    /// For what does not use the network: the refused, the exports, the status. See ``round()``.
    public func sync<T: Sendable>(_ work: @escaping @Sendable (Sync) throws -> T) async throws -> T {
        try await worker.call { [field] in try work(field.sync()) }
    }

    // MARK: Network

    /// Makes this installation a device with the text of the QR code.
    public func enrol(_ invitation: String) async throws -> Identity {
        try await device { try $0.enrol(invitation: invitation) }
    }

    /// Pushes and pulls everything. Cancelling the task ends the round before its next request; what
    /// is done stays done, and the answer says `stopped`.
    public func round() async throws -> Round {
        let sync = field.sync()
        let token = StopToken()
        return try await worker.round({ try sync.run(stop: token) }, stop: { token.stop() })
    }

    // MARK: Life

    /// Call when the app goes to the background; calls meanwhile throw `Paused`.
    public func pause() async throws {
        try await worker.call { [field] in try field.pause() }
    }

    /// Call when the app comes back.
    public func resume() async throws {
        try await worker.call { [field] in try field.resume() }
    }

    /// Ends every stream and closes the store for good; calls after it throw `Closed`.
    public func shutdown() async throws {
        defer { streams.endAll() }
        try await worker.call { [field] in try field.shutdown() }
    }

    /// Shows the time left anew in live lists; see ``Ticker``.
    public func tick() async throws {
        try await worker.call { [field] in try field.tick() }
    }

    // MARK: Live lists

    /// Follows the list of orders: the whole list first, then each new one. Ends with the task that
    /// reads it and with ``shutdown()``.
    public func liveOrders(_ query: ListQuery = .needsWork) async throws -> AsyncStream<[OrderRow]> {
        let orders = field.orders()
        return try await live { try orders.watch(query: query, listener: OrderFeed($0)) }
    }

    public func liveVisits(_ query: ListQuery = .all) async throws -> AsyncStream<[VisitRow]> {
        let visits = field.visits()
        return try await live { try visits.watch(query: query, listener: VisitFeed($0)) }
    }

    public func liveAppeals(_ query: ListQuery = .all) async throws -> AsyncStream<[AppealRow]> {
        let visits = field.visits()
        return try await live { try visits.watchAppeals(query: query, listener: AppealFeed($0)) }
    }

    public func livePersons(_ query: ListQuery = .all) async throws -> AsyncStream<[PersonRow]> {
        let people = field.people()
        return try await live { try people.watchPersons(query: query, listener: PersonFeed($0)) }
    }

    public func livePlaces(_ query: ListQuery = .all) async throws -> AsyncStream<[PlaceRow]> {
        let people = field.people()
        return try await live { try people.watchPlaces(query: query, listener: PlaceFeed($0)) }
    }

    public func liveKnowledge(_ query: ListQuery = .all) async throws -> AsyncStream<[KnowledgeRow]> {
        let knowledge = field.knowledge()
        return try await live { try knowledge.watch(query: query, listener: KnowledgeFeed($0)) }
    }

    // MARK: Live values

    /// Follows an order's page: as it is now, then each time it reads differently; nil when the order has
    /// left this phone.
    public func liveOrder(_ order: String) async throws -> AsyncStream<OrderView?> {
        let orders = field.orders()
        return try await value { try orders.watchOrder(order: order, listener: OrderPageFeed($0)) }
    }

    /// Follows the fields that wait for a person: all as they are now, then each time they differ.
    public func liveConflicts() async throws -> AsyncStream<[ConflictView]> {
        let orders = field.orders()
        return try await value { try orders.watchConflicts(listener: ConflictsFeed($0)) }
    }

    /// Follows how the store stands: the status at once, then every new one.
    public func liveStatus() async throws -> AsyncStream<StatusView> {
        let sync = field.sync()
        return try await value { try sync.watch(listener: StatusFeed($0)) }
    }

    private func value<Value: Sendable>(
        _ begin: @escaping @Sendable (AsyncStream<Value>.Continuation) throws -> Watch
    ) async throws -> AsyncStream<Value> {
        let (stream, continuation) = AsyncStream<Value>.makeStream(bufferingPolicy: .bufferingNewest(1))
        try await follow(continuation) { try begin(continuation) }
        return stream
    }

    private func live<Row: Sendable>(
        _ begin: @escaping @Sendable (Feed<Row>) throws -> Watch
    ) async throws -> AsyncStream<[Row]> {
        let (stream, continuation) = AsyncStream<[Row]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        try await follow(continuation) { try begin(Feed(continuation)) }
        return stream
    }

    /// Begins a watch that ends with its stream.
    private func follow<Element: Sendable>(
        _ continuation: AsyncStream<Element>.Continuation,
        _ begin: @escaping @Sendable () throws -> Watch
    ) async throws {
        let watch = try await worker.call(begin)
        let id = streams.add { continuation.finish() }
        continuation.onTermination = { [worker, streams] _ in
            streams.remove(id)
            // The screen may be on the main actor; a cancel waits for a lock.
            worker.later { watch.cancel() }
        }
    }
}

extension ListQuery {
    /// What needs work, up to the core's limit of a page.
    public static let needsWork = ListQuery(openOnly: true, limit: 1000)
    /// Everything, up to the core's limit of a page.
    public static let all = ListQuery(limit: 1000)

    /// What belongs to a document: the visits of an order.
    public static func of(_ parent: String) -> ListQuery {
        ListQuery(parent: parent, limit: 1000)
    }
}
