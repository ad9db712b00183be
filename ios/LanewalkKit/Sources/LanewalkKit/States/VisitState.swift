import LanewalkCore

/// What the worker has entered of a visit 走访. Lives in the screen until it is saved.
public struct VisitDraft: Sendable, Equatable {
    public var kind: VisitKind
    public var order: String?
    public var target: String?
    public var startedAtMs: Int64
    public var purpose: VisitPurpose?
    public var result: VisitResult?
    public var notes = ""

    public init(kind: VisitKind, order: String? = nil, target: String? = nil, startedAtMs: Int64) {
        self.kind = kind
        self.order = order
        self.target = target
        self.startedAtMs = startedAtMs
    }

    /// The visit as the core takes it; the core asks the shell for the place.
    public func visit(endedAtMs: Int64) -> NewVisit {
        NewVisit(
            kind: kind, order: order, target: target, purpose: purpose, result: result,
            startedAtMs: startedAtMs, endedAtMs: endedAtMs, notes: notes
        )
    }
}

/// A visit in progress.
public enum VisitState: Sendable, Equatable {
    case idle
    case draft(VisitDraft)
    case saving(VisitDraft)
    /// Not saved: everything entered is still there.
    case unsaved(VisitDraft, Failure)
    case saved(visit: String)

    public enum Event: Sendable, Equatable {
        case began(VisitDraft)
        case entered(VisitDraft)
        case save
        case saved(visit: String)
        case failed(Failure)
        case left
    }

    public func after(_ event: Event) -> VisitState {
        switch (self, event) {
        case (.idle, .began(let draft)), (.saved, .began(let draft)):
            .draft(draft)
        case (.draft, .entered(let draft)), (.unsaved, .entered(let draft)):
            .draft(draft)
        case (.draft(let draft), .save), (.unsaved(let draft, _), .save):
            .saving(draft)
        case (.saving, .saved(let visit)):
            .saved(visit: visit)
        case (.saving(let draft), .failed(let failure)):
            .unsaved(draft, failure)
        case (.saved, .left), (.idle, .left):
            .idle
        default:
            // Nothing entered is dropped by an event that does not fit.
            self
        }
    }
}
