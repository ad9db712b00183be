import LanewalkCore

/// What a shell does about a failure.
public enum Remedy: Sendable, Equatable {
    /// At opening: ask to unlock the phone and try again. In a round: offer the export of what is here. If
    /// that does not help, enrol anew.
    case unlock
    case updateApp
    /// The store is damaged: offer ``Lanewalk/salvage(directory:keys:)``.
    case salvage
    case callSupport
    case freePhotos
    case enrol
    case resume
    case openAnew
    case goBack
    case showText
    case connect
    case markField(String)
    case takeAgain
    case later
    /// Try again after so many seconds; nothing when nobody knows.
    case wait(seconds: UInt32?)
    case exportWork
}

/// A failure as a screen shows it.
public struct Failure: Sendable, Equatable {
    public let reason: Reason
    public let remedy: Remedy

    public init(_ error: LanewalkError) {
        reason = error.reason
        remedy = error.remedy
    }

    /// Takes any error: one that is none of the core's is a fault of this software.
    public init(_ error: any Error) {
        let text = Phrase(code: "error.internal", args: [:])
        let fault = Reason(code: "internal", text: text, details: String(describing: type(of: error)))
        self.init((error as? LanewalkError) ?? LanewalkError.Internal(reason: fault))
    }
}

// Neither switch has a default: a new case of the core does not build until it is handled here.
extension LanewalkError {
    /// Why.
    public var reason: Reason {
        switch self {
        case .Key(let reason): reason
        case .UpdateApp(let reason): reason
        case .StoreDamaged(let reason): reason
        case .StorageFull(let reason): reason
        case .NotEnrolled(let reason): reason
        case .Paused(let reason): reason
        case .Closed(let reason): reason
        case .NotFound(let reason): reason
        case .NotAllowed(let reason): reason
        case .Connect(let reason): reason
        case .Invalid(let reason, _): reason
        case .Photo(let reason): reason
        case .Offline(let reason): reason
        case .Wait(let reason, _): reason
        case .DeviceStopped(let reason): reason
        case .Invitation(let reason): reason
        case .Internal(let reason): reason
        }
    }

    /// What to do.
    public var remedy: Remedy {
        switch self {
        case .Key: .unlock
        case .UpdateApp: .updateApp
        case .StoreDamaged: .salvage
        case .StorageFull: .freePhotos
        case .NotEnrolled: .enrol
        case .Paused: .resume
        case .Closed: .openAnew
        case .NotFound: .goBack
        case .NotAllowed: .showText
        case .Connect: .connect
        case .Invalid(_, let field): .markField(field)
        case .Photo: .takeAgain
        case .Offline: .later
        case .Wait(_, let seconds): .wait(seconds: seconds)
        case .DeviceStopped: .exportWork
        case .Invitation: .showText
        case .Internal: .callSupport
        }
    }
}
