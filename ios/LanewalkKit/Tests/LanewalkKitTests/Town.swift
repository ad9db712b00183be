import Foundation
import XCTest

@testable import LanewalkKit

#if canImport(CryptoKit)
import CryptoKit
#else
import Crypto
#endif

/// Headquarters with its demonstration data in a process of its own. LANEWALK names the program.
final class Town: @unchecked Sendable {
    private let program: String
    private let data: URL
    private let server = Process()
    private let lock = NSLock()
    private var phones = 0

    struct Broken: Error {}

    init() throws {
        guard let program = ProcessInfo.processInfo.environment["LANEWALK"] else {
            throw XCTSkip("LANEWALK does not name the program")
        }
        self.program = program
        data = FileManager.default.temporaryDirectory.appendingPathComponent("lanewalk-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        server.executableURL = URL(fileURLWithPath: program)
        server.arguments = ["serve", "--demo-data", "--data", hq, "--listen", "127.0.0.1:0"]
        let output = Pipe()
        server.standardOutput = output
        try server.run()
        var said = Data()
        while !String(decoding: said, as: UTF8.self).contains("console: http") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Broken() }
            said.append(more)
        }
        // Somebody must go on reading, or the server would stop at a full pipe.
        output.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    }

    func close() {
        server.terminate()
        server.waitUntilExit()
        try? FileManager.default.removeItem(at: data)
    }

    private func admin(_ arguments: [String]) throws -> String {
        let admin = Process()
        admin.executableURL = URL(fileURLWithPath: program)
        admin.arguments = ["admin", "--data", hq] + arguments
        let output = Pipe()
        admin.standardOutput = output
        try admin.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        admin.waitUntilExit()
        return said
    }

    /// Confirms every phone that waits, as an administrator who has compared the fingerprints.
    func confirm() throws {
        for line in try admin(["devices"]).split(separator: "\n") {
            guard let at = line.range(of: "waiting: ") else { continue }
            _ = try admin(["confirm", String(line[at.upperBound...])])
        }
    }

    func invitation(_ worker: String) throws -> String {
        let said = try admin(["invite", worker])
        let words = said.split(whereSeparator: \.isWhitespace)
        guard let text = words.first(where: { $0.hasPrefix("lanewalk") }) else { throw Broken() }
        return String(text)
    }

    /// Opens a phone, enrols it and syncs once.
    func phone(_ worker: String = "gw-03") async throws -> Phone {
        let phone = try await Phone(folder())
        _ = try await phone.lanewalk.enrol(try invitation(worker))
        try confirm()
        _ = try await phone.lanewalk.round()
        return phone
    }

    func folder() -> String {
        lock.lock()
        defer { lock.unlock() }
        phones += 1
        return data.appendingPathComponent("phone-\(phones)").path
    }

    private var hq: String {
        data.appendingPathComponent("hq").path
    }
}

/// A phone of a worker.
struct Phone: Sendable {
    let lanewalk: Lanewalk
    let line = Line()
    let log = Log()

    init(_ folder: String, keys: any KeyStore = Keys(), signer: any DeviceSigner = Signer()) async throws {
        let shell = Lanewalk.Shell(keys: keys, signer: signer, connectivity: line, position: nil, log: log)
        lanewalk = try await Lanewalk.open(directory: folder, shell: shell)
    }

    /// Names an open order.
    func order() async throws -> String {
        let rows = try await lanewalk.orders { try $0.list(query: .needsWork) }
        return try XCTUnwrap(rows.first).id
    }
}

final class Keys: KeyStore {
    private let key: Data

    init(_ byte: UInt8 = 7) {
        key = Data(repeating: byte, count: 32)
    }

    func storeKey() throws -> Data {
        key
    }
}

/// A P-256 key without a key chip: the public key as a point, the signature as DER.
final class Signer: DeviceSigner {
    private let secret: Data

    init() {
        secret = P256.Signing.PrivateKey().rawRepresentation
    }

    func publicKey() throws -> Data {
        try key().publicKey.x963Representation
    }

    func sign(message: Data) throws -> Data {
        try key().signature(for: message).derRepresentation
    }

    private func key() throws -> P256.Signing.PrivateKey {
        try P256.Signing.PrivateKey(rawRepresentation: secret)
    }
}

/// A network that a test switches.
final class Line: Connectivity, @unchecked Sendable {
    private let lock = NSLock()
    private var now = LanewalkKit.Network.unmetered

    func network() throws -> LanewalkKit.Network {
        lock.lock()
        defer { lock.unlock() }
        return now
    }

    func become(_ network: LanewalkKit.Network) {
        lock.lock()
        defer { lock.unlock() }
        now = network
    }
}

final class Log: LogSink, @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [String] = []

    func log(level: LogLevel, line: String) throws {
        lock.lock()
        defer { lock.unlock() }
        kept.append(line)
    }

    var lines: [String] {
        lock.lock()
        defer { lock.unlock() }
        return kept
    }
}

extension XCTestCase {
    /// Expects that a call fails with a case that `wanted` knows.
    func assertFails<T: Sendable>(
        _ wanted: (LanewalkError) -> Bool,
        file: StaticString = #filePath,
        line: UInt = #line,
        _ call: () async throws -> T
    ) async {
        do {
            _ = try await call()
            XCTFail("did not fail", file: file, line: line)
        } catch let error as LanewalkError {
            XCTAssert(wanted(error), "\(error)", file: file, line: line)
        } catch {
            XCTFail("\(error)", file: file, line: line)
        }
    }
}

/// Writes a picture with some detail: an uncompressed PNG.
func writePicture(_ path: String, width: Int = 640, height: Int = 480) throws {
    var rows = Data()
    for y in 0..<height {
        rows.append(0)
        for x in 0..<width {
            for colour in 0..<3 { rows.append(UInt8(truncatingIfNeeded: (x &* 7 ^ y &* 13) + colour * 40)) }
        }
    }
    var stored = Data([0x78, 0x01])
    var from = 0
    while from < rows.count {
        let count = min(65_535, rows.count - from)
        let last: UInt8 = from + count == rows.count ? 1 : 0
        let size = UInt16(count)
        stored.append(contentsOf: [last, UInt8(size & 255), UInt8(size >> 8), UInt8(~size & 255), UInt8(~size >> 8)])
        stored.append(rows.subdata(in: from..<(from + count)))
        from += count
    }
    var a: UInt32 = 1
    var b: UInt32 = 0
    for byte in rows {
        a = (a + UInt32(byte)) % 65_521
        b = (b + a) % 65_521
    }
    stored.append(bigEndian(b << 16 | a))
    var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    let head = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + Data([8, 2, 0, 0, 0])
    for (kind, body) in [("IHDR", head), ("IDAT", stored), ("IEND", Data())] {
        let part = Data(kind.utf8) + body
        file.append(bigEndian(UInt32(body.count)))
        file.append(part)
        file.append(bigEndian(checksum(part)))
    }
    try file.write(to: URL(fileURLWithPath: path))
}

private func bigEndian(_ number: UInt32) -> Data {
    withUnsafeBytes(of: number.bigEndian) { Data($0) }
}

private func checksum(_ data: Data) -> UInt32 {
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in data {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
}
