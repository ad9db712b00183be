import Foundation
import XCTest

@testable import LanewalkKit

/// What a Swift shell may rely on, shown with the real library and a real headquarters.
///
/// Nothing waits for time: a test waits for what must come, and the runner's limit ends it if not.
final class ContractTests: XCTestCase {
    private static let town: Result<Town, any Error> = Result { try Town() }

    override class func tearDown() {
        try? town.get().close()
        super.tearDown()
    }

    private func headquarters() throws -> Town {
        try Self.town.get()
    }

    func testAPhoneIsEnrolledAndAnInvitationHoldsOnce() async throws {
        let town = try headquarters()
        let phone = try await Phone(town.folder())
        let before = try await phone.lanewalk.device { try $0.identity() }
        XCTAssertNil(before)
        await assertFails({ if case .NotEnrolled = $0 { true } else { false } }) {
            try await phone.lanewalk.round()
        }
        await assertFails({ if case .Invitation = $0 { true } else { false } }) {
            try await phone.lanewalk.enrol("lanewalk://x")
        }
        let invitation = try town.invitation("gw-03")
        let me = try await phone.lanewalk.enrol(invitation)
        XCTAssertEqual(me.worker, "gw-03")
        XCTAssertEqual(me.role.code, "role.grid_worker")
        await assertFails({ if case .Invitation = $0 { true } else { false } }) {
            try await phone.lanewalk.enrol(invitation)
        }
        try await phone.lanewalk.shutdown()
    }

    func testWithoutNetworkEverythingIsSavedAndNothingSent() async throws {
        let phone = try await headquarters().phone()
        let order = try await phone.order()
        phone.line.become(.offline)
        try await phone.lanewalk.orders { try $0.note(order: order, text: "地下车库没有信号") }
        await assertFails({ if case .Offline = $0 { true } else { false } }) {
            try await phone.lanewalk.round()
        }
        let waiting = try await phone.lanewalk.sync { try $0.status().pending }
        XCTAssertEqual(waiting, 1)
        phone.line.become(.unmetered)
        let round = try await phone.lanewalk.round()
        XCTAssertEqual(round.acknowledged, 1)
        XCTAssertFalse(round.stopped)
        try await phone.lanewalk.shutdown()
    }

    func testALiveListBeginsWholeAndGoesOn() async throws {
        let phone = try await headquarters().phone()
        let order = try await phone.order()
        var lists = try await phone.lanewalk.liveOrders().makeAsyncIterator()
        let first = try await unwrap(lists.next())
        let read = try await phone.lanewalk.orders { try $0.list(query: .needsWork) }
        XCTAssertEqual(first, read)
        let proposal = NewProposal(kind: .ack, reason: "现场需要")
        _ = try await phone.lanewalk.orders { try $0.propose(order: order, proposal: proposal, force: true) }
        var rows = first
        while rows.first(where: { $0.id == order })?.waiting != 1 {
            rows = try await unwrap(lists.next())
        }
        let again = try await phone.lanewalk.orders { try $0.list(query: .needsWork) }
        XCTAssertEqual(rows, again)
        try await phone.lanewalk.shutdown()
        while await lists.next() != nil {}
    }

    func testAnOrdersPageIsLiveAndSoAreTheConflicts() async throws {
        let phone = try await headquarters().phone()
        let order = try await phone.order()
        var pages = try await phone.lanewalk.liveOrder(order).makeAsyncIterator()
        var state = OrderState.loading.after(.told(try await unwrap(pages.next())))
        let read = try await phone.lanewalk.orders { try $0.get(order: order) }
        XCTAssertEqual(state, .shown(read))
        try await phone.lanewalk.orders { try $0.note(order: order, text: "楼道已查看") }
        while state.page?.notes.first?.text != "楼道已查看" {
            state = state.after(.told(try await unwrap(pages.next())))
        }
        var conflicts = try await phone.lanewalk.liveConflicts().makeAsyncIterator()
        let waiting = try await unwrap(conflicts.next())
        let all = try await phone.lanewalk.orders { try $0.conflicts() }
        XCTAssertEqual(waiting, all)
        let nowhere = "order:" + String(repeating: "0", count: 32)
        await assertFails({ $0.remedy == .goBack }) { try await phone.lanewalk.liveOrder(nowhere) }
        try await phone.lanewalk.shutdown()
    }

    func testTheStatusIsLive() async throws {
        let phone = try await headquarters().phone()
        let order = try await phone.order()
        var statuses = try await phone.lanewalk.liveStatus().makeAsyncIterator()
        let first = try await unwrap(statuses.next())
        XCTAssertEqual(first.pending, 0)
        try await phone.lanewalk.orders { try $0.note(order: order, text: "一") }
        while try await unwrap(statuses.next()).pending != 1 {}
        _ = try await phone.lanewalk.round()
        while try await unwrap(statuses.next()).pending != 0 {}
        try await phone.lanewalk.shutdown()
    }

    func testATaskThatIsCancelledEndsItsStream() async throws {
        let phone = try await headquarters().phone()
        let lists = try await phone.lanewalk.liveVisits()
        let (heard, told) = AsyncStream<Void>.makeStream()
        let screen = Task {
            for await _ in lists { told.yield() }
            told.finish()
        }
        var turns = heard.makeAsyncIterator()
        _ = await turns.next()
        screen.cancel()
        while await turns.next() != nil {}
        await screen.value
        try await phone.lanewalk.shutdown()
    }

    func testACancelledTaskRunsNoRound() async throws {
        let phone = try await headquarters().phone()
        let lanewalk = phone.lanewalk
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await lanewalk.round()
        }
        let cancelled = try await task.value
        XCTAssert(cancelled.stopped)
        XCTAssertEqual(cancelled.requests, 0)
        let round = try await lanewalk.round()
        XCTAssertFalse(round.stopped)
        try await lanewalk.shutdown()
    }

    func testAListenerThatThrowsGoesOnHearing() async throws {
        let town = try headquarters()
        let phone = try await town.phone()
        let order = try await phone.order()
        let (heard, told) = AsyncStream<Int>.makeStream()
        let throwing = Throwing(told)
        let watch = try await phone.lanewalk.visits { try $0.watch(query: .all, listener: throwing) }
        var turns = heard.makeAsyncIterator()
        let first = await turns.next()
        XCTAssertEqual(first, 1)
        _ = try await phone.lanewalk.visits { try $0.record(visit: siteCheck(of: order)) }
        let second = await turns.next()
        XCTAssertEqual(second, 2)
        // The line for the first failure was written before the second call began.
        XCTAssert(phone.log.lines.contains("a listener failed"))
        watch.cancel()
        watch.cancel()
        try await phone.lanewalk.shutdown()
    }

    func testTwoTruthsWaitForAPerson() async throws {
        let town = try headquarters()
        let one = try await town.phone()
        let two = try await town.phone()
        let order = try await one.order()
        try await one.lanewalk.orders { try $0.verify(order: order, address: "", facts: "养猫 12 只") }
        try await two.lanewalk.orders { try $0.verify(order: order, address: "", facts: "养猫 3 只") }
        for phone in [one, two, one] { _ = try await phone.lanewalk.round() }
        for phone in [one, two] {
            let all = try await phone.lanewalk.orders { try $0.conflicts() }
            let conflict = try XCTUnwrap(all.first { $0.doc == order })
            XCTAssertEqual(Set(conflict.values.map(\.value)), ["养猫 12 只", "养猫 3 只"])
        }
        let conflicts = try await one.lanewalk.orders { try $0.conflicts() }
        let key = try XCTUnwrap(conflicts.first { $0.doc == order }).key
        try await one.lanewalk.orders { try $0.settle(doc: order, key: key, value: "养猫 12 只") }
        for phone in [one, two] {
            _ = try await phone.lanewalk.round()
            let page = try await phone.lanewalk.orders { try $0.get(order: order) }
            XCTAssertEqual(page.verifiedFacts, "养猫 12 只")
            XCTAssertEqual(page.conflicts, [])
            try await phone.lanewalk.shutdown()
        }
    }

    func testAPhotoByPathFromTheTicketToHeadquarters() async throws {
        let phone = try await headquarters().phone()
        let order = try await phone.order()
        let font = try XCTUnwrap(fontPath())
        let settings = PhotoSettings(fonts: [FontFile(path: font)], keepFreeBytes: 1)
        try await phone.lanewalk.photos { try $0.configure(settings: settings) }
        let visit = try await phone.lanewalk.visits { try $0.record(visit: siteCheck(of: order)) }
        let ticket = try await phone.lanewalk.photos { try $0.begin(visit: visit, role: .before) }
        XCTAssertFalse(ticket.hasFile)
        var state = CaptureState.ready.after(.ticket(ticket))
        try writePicture(ticket.path)
        state = state.after(.shot)
        let shot = PhotoShot(caption: "楼道", scene: .corridor)
        let photo = try await phone.lanewalk.photos { try $0.finish(ticket: ticket.id, shot: shot) }
        XCTAssertEqual(state.after(.taken(photo: photo)), .taken(photo: photo))
        let seen = try await phone.lanewalk.visits { try $0.get(visit: visit) }
        XCTAssertEqual(seen.photos.map(\.caption), ["楼道"])
        let thumbnail = try await phone.lanewalk.photos { try $0.bytes(photo: photo, part: .thumbnail) }
        XCTAssertEqual([UInt8](thumbnail.prefix(2)), [0xFF, 0xD8])
        let round = try await phone.lanewalk.round()
        XCTAssertEqual(round.photoFiles, 3)
        try await phone.lanewalk.shutdown()
    }

    func testAKeyThatDoesNotFitAndAFileThatIsNoPhoto() async throws {
        let town = try headquarters()
        let folder = town.folder()
        let phone = try await Phone(folder)
        try await phone.lanewalk.shutdown()
        await assertFails({ $0.remedy == .unlock }) { try await Phone(folder, keys: Keys(8)) }
        let working = try await town.phone()
        let order = try await working.order()
        let visit = try await working.lanewalk.visits { try $0.record(visit: siteCheck(of: order)) }
        let shot = PhotoShot(scene: .corridor)
        await assertFails({ $0.remedy == .takeAgain }) {
            try await working.lanewalk.photos {
                try $0.importFile(visit: visit, role: .before, path: "/nowhere/at/all.jpg", shot: shot)
            }
        }
        try await working.lanewalk.shutdown()
    }

    func testInTheBackgroundAndAfterTheEnd() async throws {
        let phone = try await headquarters().phone()
        try await phone.lanewalk.pause()
        await assertFails({ $0.remedy == .resume }) {
            try await phone.lanewalk.orders { try $0.list(query: .all) }
        }
        try await phone.lanewalk.resume()
        let rows = try await phone.lanewalk.orders { try $0.list(query: .all) }
        XCTAssertFalse(rows.isEmpty)
        try await phone.lanewalk.shutdown()
        try await phone.lanewalk.shutdown()
        await assertFails({ $0.remedy == .openAnew }) {
            try await phone.lanewalk.orders { try $0.list(query: .all) }
        }
        await assertFails({ $0.remedy == .openAnew }) { try await phone.lanewalk.liveOrders() }
        await assertFails({ $0.remedy == .openAnew }) { try await phone.lanewalk.tick() }
    }

    func testEveryCodeHasWordsInBothLanguages() {
        XCTAssertEqual(Texts(.chinese).codes, Texts(.english).codes)
        XCTAssertEqual(Texts(.chinese).words("ui.waiting", ["count": "3"]), "3 条待上传")
    }

    private func unwrap<T: Sendable>(_ value: T?) throws -> T {
        try XCTUnwrap(value)
    }

    /// The repository's own font, found from this file.
    private func fontPath() -> String? {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        let font = root.appendingPathComponent("rust-core/media/fonts/NotoSansSC-GB2312.otf").path
        return FileManager.default.fileExists(atPath: font) ? font : nil
    }
}

/// A screen that is gone.
private final class Throwing: VisitListener, @unchecked Sendable {
    private let told: AsyncStream<Int>.Continuation
    private var calls = 0

    init(_ told: AsyncStream<Int>.Continuation) {
        self.told = told
    }

    // Never called twice at once.
    func changed(update: VisitUpdate) throws {
        calls += 1
        told.yield(calls)
        throw ForeignError.Failed(details: "a screen that is gone")
    }
}

private func siteCheck(of order: String) -> NewVisit {
    NewVisit(kind: .siteCheck, order: order, purpose: .collect, result: .met, notes: "已到现场")
}
