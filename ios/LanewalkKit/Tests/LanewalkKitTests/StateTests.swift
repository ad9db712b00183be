import XCTest

@testable import LanewalkKit

/// The screens as tables: a state, what happens, the state after it.
final class StateTests: XCTestCase {
    private let offline = Failure(LanewalkError.Offline(reason: reason("no_network")))
    private let full = Failure(LanewalkError.StorageFull(reason: reason("storage_full")))
    private let revoked = Failure(LanewalkError.DeviceStopped(reason: reason("revoked")))

    func testALiveListKeepsItsRowsWhenItFails() {
        let row = PersonRow(id: "person:1", name: "王阿姨", phone: "", grid: "g", conflicts: 0)
        let table: [(PeopleState, PeopleState.Event, PeopleState)] = [
            (.loading, .told([]), .empty),
            (.loading, .told([row]), .shown([row])),
            (.shown([row]), .told([]), .empty),
            (.shown([row]), .failed(offline), .failed(offline, last: [row])),
            (.failed(offline, last: [row]), .again, .shown([row])),
            (.failed(offline, last: []), .again, .loading),
            (.failed(offline, last: []), .told([row]), .shown([row])),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
    }

    func testAPhoneIsADeviceFromTheScanToTheWipe() {
        let damaged = Failure(LanewalkError.StoreDamaged(reason: reason("corrupt")))
        let report = Salvaged(identity: true, entries: 40, unsent: 9, exportOnly: 5, missing: 2, photos: 1)
        func left(_ next: Farewell) -> DeviceState.Event {
            .told(.revoked(depositUntilMs: 7, entries: 3, files: 1, next: next))
        }
        let deliver = DeviceState.deliver(untilMs: 7, entries: 3, files: 1)
        let table: [(DeviceState, DeviceState.Event, DeviceState)] = [
            (.loading, .failed(full), .shut(full)),
            (.loading, .failed(damaged), .damaged(damaged)),
            (.damaged(damaged), .began, .salvaging(damaged)),
            (.salvaging(damaged), .saved(report), .saved(report)),
            (.saved(report), .read, .loading),
            (.loading, .told(.notEnrolled), .enrol(nil)),
            (.enrol(offline), .began, .enrolling),
            (.enrolling, .told(.notEnrolled), .enrolling),
            (.enrolling, .failed(offline), .enrol(offline)),
            (.enrolling, .told(.waiting(fingerprint: "0123")), .compare(fingerprint: "0123")),
            (.compare(fingerprint: "0123"), .told(.active), .active),
            (.active, left(.deliver), deliver),
            (deliver, left(.export), .export(entries: 3, files: 1, nil)),
            (.export(entries: 3, files: 1, nil), .failed(full), .export(entries: 3, files: 1, full)),
            (.export(entries: 3, files: 1, full), left(.wipe), .wipe(nil)),
            (.wipe(nil), .began, .wiping),
            (.wiping, left(.wipe), .wiping),
            (.wiping, .wiped, .wiped),
            (.wiped, .told(.active), .wiped),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
        XCTAssertEqual(DeviceState.saved(report).line?.args["export_only"], "5")
    }

    func testAnOrderStaysOnTheScreenWhenAnActIsNotTaken() {
        let page = order()
        let table: [(OrderState, OrderState.Event, OrderState)] = [
            (.loading, .told(page), .shown(page)),
            (.shown(page), .told(nil), .gone),
            (.loading, .failed(offline), .failed(offline)),
            (.loading, .began(action: "ack"), .loading),
            (.shown(page), .began(action: "ack"), .acting(page, action: "ack")),
            (.acting(page, action: "ack"), .failed(full), .refused(page, full)),
            (.refused(page, full), .dismissed, .shown(page)),
            (.acting(page, action: "ack"), .told(page), .shown(page)),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
    }

    func testNothingEnteredOfAVisitIsLost() {
        var draft = VisitDraft(kind: .siteCheck, order: "order:1", startedAtMs: 5)
        let empty = draft
        draft.notes = "已到现场"
        let table: [(VisitState, VisitState.Event, VisitState)] = [
            (.idle, .began(empty), .draft(empty)),
            (.draft(empty), .entered(draft), .draft(draft)),
            (.draft(draft), .began(empty), .draft(draft)),
            (.draft(draft), .left, .draft(draft)),
            (.draft(draft), .save, .saving(draft)),
            (.saving(draft), .left, .saving(draft)),
            (.saving(draft), .failed(full), .unsaved(draft, full)),
            (.unsaved(draft, full), .save, .saving(draft)),
            (.saving(draft), .saved(visit: "visit:1"), .saved(visit: "visit:1")),
            (.saved(visit: "visit:1"), .left, .idle),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
        XCTAssertEqual(draft.visit(endedAtMs: 9).notes, "已到现场")
        XCTAssertEqual(draft.visit(endedAtMs: 9).endedAtMs, 9)
    }

    func testAPhotoThatIsNotTakenInKeepsItsTicket() {
        let ticket = PhotoTicket(id: "1", visit: "visit:1", role: .before, path: "/p", hasFile: false)
        let table: [(CaptureState, CaptureState.Event, CaptureState)] = [
            (.ready, .ticket(ticket), .camera(ticket)),
            (.ready, .failed(full), .refused(full)),
            (.refused(full), .again, .ready),
            (.camera(ticket), .dropped, .ready),
            (.camera(ticket), .shot, .takingIn(ticket)),
            (.takingIn(ticket), .dropped, .takingIn(ticket)),
            (.takingIn(ticket), .failed(full), .notTaken(ticket, full)),
            (.notTaken(ticket, full), .again, .camera(ticket)),
            (.notTaken(ticket, full), .shot, .takingIn(ticket)),
            (.takingIn(ticket), .taken(photo: "2"), .taken(photo: "2")),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
    }

    func testAConflictStaysUntilAPersonHasChosen() {
        let label = Phrase(code: "field.verified_facts", args: [:])
        let one = ConflictView(doc: "order:1", key: "verified_facts", label: label, open: true, values: [])
        let table: [(ConflictsState, ConflictsState.Event, ConflictsState)] = [
            (.loading, .read([]), .settled),
            (.loading, .read([one]), .waiting([one])),
            (.waiting([one]), .chose(doc: "order:1", key: "k"), .settling([one], doc: "order:1", key: "k")),
            (.settling([one], doc: "order:1", key: "k"), .failed(full), .refused([one], full)),
            (.settling([one], doc: "order:1", key: "k"), .read([]), .settled),
            (.loading, .failed(full), .failed(full)),
            (.loading, .chose(doc: "order:1", key: "k"), .loading),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
    }

    func testHowThePhoneStandsWithHeadquarters() {
        let all = status(pending: 0)
        let some = status(pending: 3)
        let busy = Failure(LanewalkError.Wait(reason: reason("busy"), retryAfterS: 5))
        let table: [(SyncState, SyncState.Event, SyncState)] = [
            (.unknown, .status(all), .resting(all)),
            (.resting(all), .status(some), .resting(some)),
            (.resting(some), .began, .sending(some)),
            (.sending(some), .status(all), .sending(all)),
            (.sending(all), .ended, .resting(all)),
            (.sending(some), .failed(offline), .offline(some)),
            (.offline(some), .began, .sending(some)),
            (.sending(some), .failed(busy), .resting(some)),
            (.sending(some), .failed(revoked), .stopped(some, revoked)),
            (.stopped(some, revoked), .status(all), .stopped(all, revoked)),
            (.unknown, .ended, .unknown),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
        XCTAssertEqual(SyncState.offline(some).lines.map(\.code), ["ui.offline", "ui.waiting"])
        XCTAssertEqual(SyncState.resting(all).lines.map(\.code), ["ui.all_sent"])
        XCTAssertEqual(SyncState.unknown.lines, [])
    }

    func testTheRoomForPhotos() {
        let room = StorageView(held: 10, unsent: 4, unsentFiles: 1, freeable: 6, free: 100)
        let space = FreedSpace(files: 2, bytes: 6)
        let table: [(StorageState, StorageState.Event, StorageState)] = [
            (.loading, .began, .loading),
            (.loading, .read(room), .shown(room)),
            (.shown(room), .began, .freeing(room)),
            (.freeing(room), .freed(room, space), .freed(room, space)),
            (.freeing(room), .failed(full), .failed(room, full)),
            (.loading, .failed(full), .failed(nil, full)),
        ]
        for (before, event, after) in table { XCTAssertEqual(before.after(event), after, "\(event)") }
    }

    func testAFailureSaysWhatToDo() {
        let why = reason("x")
        let table: [(LanewalkError, Remedy)] = [
            (.Key(reason: why), .unlock),
            (.UpdateApp(reason: why), .updateApp),
            (.StoreDamaged(reason: why), .salvage),
            (.StorageFull(reason: why), .freePhotos),
            (.NotEnrolled(reason: why), .enrol),
            (.Paused(reason: why), .resume),
            (.Closed(reason: why), .openAnew),
            (.NotFound(reason: why), .goBack),
            (.NotAllowed(reason: why), .showText),
            (.Connect(reason: why), .connect),
            (.Invalid(reason: why, field: "notes"), .markField("notes")),
            (.Photo(reason: why), .takeAgain),
            (.Offline(reason: why), .later),
            (.Wait(reason: why, retryAfterS: 7), .wait(seconds: 7)),
            (.DeviceStopped(reason: why), .exportWork),
            (.Invitation(reason: why), .showText),
            (.Internal(reason: why), .callSupport),
        ]
        for (error, remedy) in table {
            XCTAssertEqual(error.reason, why)
            XCTAssertEqual(error.remedy, remedy)
        }
        XCTAssertEqual(Failure(OutOfStep()).remedy, .callSupport)
    }
}

final class PartsTests: XCTestCase {
    func testStepsAreTakenInOrderAndAStepThatDoesNotFitThrows() throws {
        var fold = Fold<String>()
        try fold.take(.whole(["甲", "乙", "丙"]))
        try fold.take(.steps([.remove(at: 0), .insert(at: 2, row: "丁"), .update(at: 0, row: "乙二")]))
        XCTAssertEqual(fold.rows, ["乙二", "丙", "丁"])
        let wrong: [Step<String>] = [.insert(at: 4, row: ""), .update(at: 3, row: ""), .remove(at: 3), .remove(at: -1)]
        for step in wrong { XCTAssertThrowsError(try fold.take(.steps([step]))) }
        XCTAssertEqual(fold.rows, ["乙二", "丙", "丁"])
    }

    func testASlowScreenMissesListsBetweenButNotTheLast() async throws {
        let (stream, continuation) = AsyncStream<[Int]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let feed = Feed(continuation)
        try feed.take(.whole([1]))
        try feed.take(.steps([.insert(at: 1, row: 2)]))
        try feed.take(.steps([.remove(at: 0)]))
        continuation.finish()
        var seen: [[Int]] = []
        for await rows in stream { seen.append(rows) }
        XCTAssertEqual(seen, [[2]])
    }

    func testAStreamThatBeginsAfterTheEndEndsAtOnce() {
        let streams = OpenStreams()
        let early = Flag()
        let gone = Flag()
        let late = Flag()
        _ = streams.add { early.set() }
        streams.remove(streams.add { gone.set() })
        streams.endAll()
        _ = streams.add { late.set() }
        XCTAssert(early.isSet)
        XCTAssertFalse(gone.isSet)
        XCTAssert(late.isSet)
    }

    func testWords() {
        let texts = Texts(table: ["ui.waiting": "{count} 条待上传", "odd": "{a}{b}{ {a"])
        let table: [(Phrase, String)] = [
            (Phrase(code: "ui.waiting", args: ["count": "3"]), "3 条待上传"),
            (Phrase(code: "ui.waiting", args: [:]), "{count} 条待上传"),
            (Phrase(code: "ui.waiting", args: ["count": "{count}"]), "{count} 条待上传"),
            (Phrase(code: "odd", args: ["a": "{b}", "b": "2"]), "{b}2{ {a"),
            (Phrase(code: "state.SOMETHING_NEW", args: [:]), "SOMETHING_NEW"),
            (Phrase(code: "", args: [:]), ""),
        ]
        for (text, words) in table { XCTAssertEqual(texts.words(text), words) }
    }

    func testTheTickerFollowsItsClockAndEndsWithTheCore() async {
        let clock = HandClock()
        let (ticks, told) = AsyncStream<Int>.makeStream()
        let count = Counter()
        let ticking = Task {
            await Ticker(clock: clock, interval: .seconds(60)).run {
                let n = count.next()
                told.yield(n)
                if n == 1 { throw LanewalkError.Paused(reason: reason("paused")) }
                if n == 3 { throw LanewalkError.Closed(reason: reason("closed")) }
            }
        }
        var turns = ticks.makeAsyncIterator()
        for wanted in 1...3 {
            await clock.sleeper()
            clock.advance(.seconds(60))
            let n = await turns.next()
            XCTAssertEqual(n, wanted)
        }
        await ticking.value
    }
}

private func reason(_ code: String) -> Reason {
    Reason(code: code, text: Phrase(code: "error." + code, args: [:]), details: "")
}

private func status(pending: UInt64) -> StatusView {
    StatusView(pending: pending, quarantined: 0, conflicts: 0, lastContactMs: 1, key: .ready, problems: [])
}

private func order() -> OrderView {
    OrderView(
        id: "order:1", upstreamId: "", title: "噪声", summary: "", placeText: "",
        state: Phrase(code: "state.ACKED", args: [:]), open: true, urgent: false, grid: "",
        matterCode: "", countdown: nil, brief: nil, verifiedAddress: "", verifiedFacts: "", replyText: "",
        firstOwner: "", currentOwner: "", flags: [], actions: [], notes: [], visits: [], conflicts: [],
        proposals: []
    )
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    func next() -> Int {
        lock.lock()
        defer { lock.unlock() }
        value += 1
        return value
    }
}

/// A clock that a test moves. One sleeper at a time.
private final class HandClock: Clock, @unchecked Sendable {
    typealias Duration = Swift.Duration

    struct Instant: InstantProtocol {
        typealias Duration = Swift.Duration

        var offset: Duration = .zero

        func advanced(by duration: Duration) -> Instant {
            Instant(offset: offset + duration)
        }

        func duration(to other: Instant) -> Duration {
            other.offset - offset
        }

        static func < (left: Instant, right: Instant) -> Bool {
            left.offset < right.offset
        }
    }

    private let lock = NSLock()
    private var time = Instant()
    private var sleeping: (until: Instant, continuation: CheckedContinuation<Void, Never>)?
    private let sleeps = AsyncStream<Void>.makeStream()

    var now: Instant {
        lock.lock()
        defer { lock.unlock() }
        return time
    }

    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            keep(deadline, continuation)
            sleeps.continuation.yield()
        }
    }

    /// Waits until somebody sleeps.
    func sleeper() async {
        for await _ in sleeps.stream { return }
    }

    func advance(_ duration: Duration) {
        due(duration)?.resume()
    }

    private func keep(_ deadline: Instant, _ continuation: CheckedContinuation<Void, Never>) {
        lock.lock()
        defer { lock.unlock() }
        sleeping = (deadline, continuation)
    }

    private func due(_ duration: Duration) -> CheckedContinuation<Void, Never>? {
        lock.lock()
        defer { lock.unlock() }
        time = time.advanced(by: duration)
        guard let sleeper = sleeping, sleeper.until <= time else { return nil }
        sleeping = nil
        return sleeper.continuation
    }
}
