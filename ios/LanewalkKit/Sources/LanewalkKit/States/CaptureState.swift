import LanewalkCore

/// Taking one photo: a ticket first, then the camera writes to the ticket's path, then it is taken in.
public enum CaptureState: Sendable, Equatable {
    case ready
    /// The camera may open; it must write to the ticket's path.
    case camera(PhotoTicket)
    /// The core works on the file: shrinks, stamps, seals.
    case takingIn(PhotoTicket)
    case taken(photo: String)
    /// No ticket: no room, no right.
    case refused(Failure)
    /// The file was not taken in; ticket and file stay.
    case notTaken(PhotoTicket, Failure)

    public enum Event: Sendable, Equatable {
        case ticket(PhotoTicket)
        /// The camera came back with a file, or a file was found after a kill.
        case shot
        /// The camera came back without a file, or the worker gave up.
        case dropped
        case taken(photo: String)
        case failed(Failure)
        case again
    }

    public func after(_ event: Event) -> CaptureState {
        switch (self, event) {
        case (.ready, .ticket(let ticket)), (.taken, .ticket(let ticket)), (.refused, .ticket(let ticket)):
            .camera(ticket)
        case (.camera(let ticket), .shot), (.notTaken(let ticket, _), .shot):
            .takingIn(ticket)
        case (.camera, .dropped), (.notTaken, .dropped):
            .ready
        case (.notTaken(let ticket, _), .again):
            .camera(ticket)
        case (.taken, .again), (.refused, .again):
            .ready
        case (.takingIn, .taken(let photo)):
            .taken(photo: photo)
        case (.ready, .failed(let failure)), (.taken, .failed(let failure)):
            .refused(failure)
        case (.takingIn(let ticket), .failed(let failure)):
            .notTaken(ticket, failure)
        default:
            self
        }
    }
}
