#if canImport(Security)
import Foundation
import LanewalkCore
import Security

/// Signs with a P-256 key that was made in the Secure Enclave and cannot leave it.
///
/// The key can be used after the first unlock since the phone started, also while the phone is
/// locked again: a round in the background must be able to sign. It is not bound to a face or a
/// finger, which would ask at every round.
public final class SecureEnclaveSigner: DeviceSigner, @unchecked Sendable {
    private let tag: Data
    private let directory: String
    private let lock = NSLock()
    private var kept: SecKey?

    /// `tag` names the key, one for each store; `directory` is the store's: a key that is gone is told
    /// apart from a new installation.
    public init(tag: String = "cn.lanewalk.device", directory: String) {
        self.tag = Data(tag.utf8)
        self.directory = directory
    }

    public func publicKey() throws -> Data {
        guard let key = SecKeyCopyPublicKey(try privateKey()) else {
            throw ForeignError.Failed(details: "no public key")
        }
        var error: Unmanaged<CFError>?
        guard let point = SecKeyCopyExternalRepresentation(key, &error) as Data? else {
            throw Self.failed(error)
        }
        return point
    }

    public func sign(message: Data) throws -> Data {
        var error: Unmanaged<CFError>?
        let algorithm = SecKeyAlgorithm.ecdsaSignatureMessageX962SHA256
        guard let signature = SecKeyCreateSignature(try privateKey(), algorithm, message as CFData, &error) as Data? else {
            throw Self.failed(error)
        }
        return signature
    }

    /// Removes the key, for a phone that is enrolled anew.
    public func forget() throws {
        lock.lock()
        defer { lock.unlock() }
        kept = nil
        let status = SecItemDelete(query as CFDictionary)
        guard status == errSecSuccess || status == errSecItemNotFound else { throw keychainError(status) }
    }

    private var query: [CFString: Any] {
        [
            kSecClass: kSecClassKey,
            kSecAttrApplicationTag: tag,
            kSecAttrKeyType: kSecAttrKeyTypeECSECPrimeRandom,
        ]
    }

    /// Finds the key; makes it when there is none.
    private func privateKey() throws -> SecKey {
        lock.lock()
        defer { lock.unlock() }
        if let kept { return kept }
        if let key = try find() {
            kept = key
            return key
        }
        // Headquarters knows this store by the key that is gone; it would refuse every other one.
        guard !holdsFiles(directory) else { throw ForeignError.Lost }
        let key = try make()
        kept = key
        return key
    }

    private func find() throws -> SecKey? {
        var query = self.query
        query[kSecReturnRef] = true
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound { return nil }
        guard status == errSecSuccess, let found, CFGetTypeID(found) == SecKeyGetTypeID() else {
            throw keychainError(status)
        }
        return (found as! SecKey)
    }

    private func make() throws -> SecKey {
        var error: Unmanaged<CFError>?
        let access = SecAccessControlCreateWithFlags(
            nil, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, .privateKeyUsage, &error
        )
        guard let access else { throw Self.failed(error) }
        let own: [CFString: Any] = [
            kSecAttrIsPermanent: true,
            kSecAttrApplicationTag: tag,
            kSecAttrAccessControl: access,
        ]
        var attributes: [CFString: Any] = [
            kSecAttrKeyType: kSecAttrKeyTypeECSECPrimeRandom,
            kSecAttrKeySizeInBits: 256,
            kSecPrivateKeyAttrs: own,
        ]
        #if !targetEnvironment(simulator)
        attributes[kSecAttrTokenID] = kSecAttrTokenIDSecureEnclave
        #endif
        guard let key = SecKeyCreateRandomKey(attributes as CFDictionary, &error) else {
            throw Self.failed(error)
        }
        return key
    }

    private static func failed(_ error: Unmanaged<CFError>?) -> ForeignError {
        guard let error = error?.takeRetainedValue() else { return .Failed(details: "no reason") }
        let code = CFErrorGetCode(error)
        if code == CFIndex(errSecInteractionNotAllowed) { return .Unavailable }
        return .Failed(details: "Security \(code)")
    }
}

/// Says whether a store lies here.
func holdsFiles(_ directory: String) -> Bool {
    let files = try? FileManager.default.contentsOfDirectory(atPath: directory)
    return files?.isEmpty == false
}

/// Sorts the keychain's answer by what the core does about it.
func keychainError(_ status: OSStatus) -> ForeignError {
    switch status {
    case errSecInteractionNotAllowed, errSecNotAvailable: .Unavailable
    case errSecItemNotFound: .Lost
    default: .Failed(details: "keychain \(status)")
    }
}
#endif
