#if canImport(Security)
import Foundation
import LanewalkCore
import Security

/// Keeps the store's 32 bytes in the keychain: on this device alone, not in a backup, readable after
/// the first unlock since the phone started, so that a round in the background can open the store.
public final class KeychainKeyStore: KeyStore {
    private let service: String
    private let directory: String

    /// `directory` is the store's: a store without its key is told apart from a new installation.
    public init(service: String = "cn.lanewalk.store", directory: String) {
        self.service = service
        self.directory = directory
    }

    public func storeKey() throws -> Data {
        if let key = try find() { return key }
        // Files without their key can never be read again; a new key would only hide that.
        guard !holdsFiles(directory) else { throw ForeignError.Lost }
        return try make()
    }

    private var query: [CFString: Any] {
        [kSecClass: kSecClassGenericPassword, kSecAttrService: service, kSecAttrAccount: directoryName]
    }

    /// The last part: the container's path changes with an update of the app.
    private var directoryName: String {
        URL(fileURLWithPath: directory).lastPathComponent
    }

    private func find() throws -> Data? {
        var query = self.query
        query[kSecReturnData] = true
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound { return nil }
        guard status == errSecSuccess, let key = found as? Data else { throw keychainError(status) }
        return key
    }

    private func make() throws -> Data {
        var key = Data(count: 32)
        let filled = key.withUnsafeMutableBytes { bytes -> OSStatus in
            guard let start = bytes.baseAddress else { return errSecAllocate }
            return SecRandomCopyBytes(kSecRandomDefault, bytes.count, start)
        }
        guard filled == errSecSuccess else { throw ForeignError.Failed(details: "no randomness") }
        var item = query
        item[kSecValueData] = key
        item[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        let status = SecItemAdd(item as CFDictionary, nil)
        guard status == errSecSuccess else { throw keychainError(status) }
        return key
    }
}
#endif
