import LanewalkCore

/// Whether this phone is a device, from the first scan to the wipe, and what is to be done where it is not.
public enum DeviceState: Sendable, Equatable {
    /// The store is being opened, or its standing asked.
    case loading
    /// Opening said that the store is damaged: offer ``Lanewalk/salvage(directory:keys:)``.
    case damaged(Failure)
    case salvaging(Failure)
    /// What a salvage saved, until the person has read it; then open the store.
    case saved(Salvaged)
    /// The store cannot be opened for another reason; the remedy says what to do.
    case shut(Failure)
    /// Not a device yet: scan the invitation.
    case enrol(Failure?)
    case enrolling
    /// Waiting for an administrator, who sees the same fingerprint; a round now and then tells.
    case compare(fingerprint: String)
    /// A device: show the day's work.
    case active
    /// Revoked: run rounds until everything is delivered, at the latest until then (UTC ms).
    case deliver(untilMs: Int64?, entries: UInt64, files: UInt64)
    /// Revoked, and headquarters takes no more: offer the export, or to go without it.
    case export(entries: UInt64, files: UInt64, Failure?)
    /// Revoked, and nothing is left: destroy the store's key, then call `wipe`.
    case wipe(Failure?)
    case wiping
    /// The store is gone.
    case wiped

    public enum Event: Sendable, Equatable {
        /// What `standing()` says: after opening, after enrolling, after a round and an export.
        case told(Standing)
        /// Enrolling, salvaging or wiping began.
        case began
        case saved(Salvaged)
        /// The person has read what was saved; the store is being opened.
        case read
        case wiped
        case failed(Failure)
    }

    public func after(_ event: Event) -> DeviceState {
        switch (event, self) {
        case (.told, .wiped): self
        case (.told(let standing), _): told(standing)
        case (.began, .damaged(let failure)): .salvaging(failure)
        case (.began, .enrol): .enrolling
        case (.began, .wipe): .wiping
        case (.saved(let report), .damaged), (.saved(let report), .salvaging): .saved(report)
        case (.read, .saved): .loading
        case (.wiped, .wipe), (.wiped, .wiping): .wiped
        case (.failed(let failure), _): failed(failure)
        default: self
        }
    }

    /// What to say on the screen; nil where it says enough by itself.
    public var line: Phrase? {
        switch self {
        case .loading, .active, .wiped: nil
        case .damaged, .salvaging: Self.line("ui.salvage")
        case .saved(let report): report.identity
            ? Self.line("ui.salvaged", [
                "entries": report.entries, "missing": report.missing, "export_only": report.exportOnly,
            ])
            : Self.line("ui.salvaged_stranger")
        case .shut(let failure): failure.reason.text
        case .enrol, .enrolling: Self.line("ui.enrol")
        case .compare: Self.line("ui.compare")
        case .deliver(_, let entries, let files): Self.line("ui.deliver", ["entries": entries, "files": files])
        case .export(let entries, let files, _): Self.line("ui.export", ["entries": entries, "files": files])
        case .wipe, .wiping: Self.line("ui.wipe")
        }
    }

    private func told(_ standing: Standing) -> DeviceState {
        switch standing {
        case .notEnrolled:
            // What is being done goes on, and why it failed stays to be read.
            switch self {
            case .enrol, .enrolling: return self
            default: return .enrol(nil)
            }
        case .waiting(let fingerprint): return .compare(fingerprint: fingerprint)
        case .active: return .active
        case .revoked(let untilMs, let entries, let files, let next):
            switch (next, self) {
            case (.deliver, _): return .deliver(untilMs: untilMs, entries: entries, files: files)
            case (.export, .export(_, _, let failure)): return .export(entries: entries, files: files, failure)
            case (.export, _): return .export(entries: entries, files: files, nil)
            case (.wipe, .wipe), (.wipe, .wiping): return self
            case (.wipe, _): return .wipe(nil)
            }
        }
    }

    private func failed(_ failure: Failure) -> DeviceState {
        switch self {
        case .loading, .shut, .damaged, .salvaging: failure.remedy == .salvage ? .damaged(failure) : .shut(failure)
        case .enrol, .enrolling: .enrol(failure)
        case .export(let entries, let files, _): .export(entries: entries, files: files, failure)
        case .wipe, .wiping: .wipe(failure)
        // Rounds say what is wrong with them in their own state.
        case .compare, .active, .deliver, .saved, .wiped: self
        }
    }

    private static func line(_ code: String, _ counts: [String: UInt64] = [:]) -> Phrase {
        Phrase(code: code, args: counts.mapValues { String($0) })
    }
}
