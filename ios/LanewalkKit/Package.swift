// swift-tools-version: 6.0
import Foundation
import PackageDescription

// The core as a static library for phones, made by bindings/package/apple and put beside this file.
// Without it (Linux, a Mac's own tests) the library is searched for as `-llanewalk_ffi`.
let framework = "LanewalkFFI.xcframework"
let packaged = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + framework)

let core: Target = packaged
    ? .binaryTarget(name: "LanewalkFFI", path: framework)
    : .systemLibrary(name: "LanewalkFFI", path: "Sources/LanewalkFFI")

let package = Package(
    name: "LanewalkKit",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "LanewalkKit", targets: ["LanewalkKit"])
    ],
    dependencies: [
        // For the tests on Linux alone: a P-256 key without a key chip.
        .package(url: "https://github.com/apple/swift-crypto.git", "3.0.0"..<"5.0.0")
    ],
    targets: [
        core,
        // Generated: how strict a mode it passes is its generator's business.
        .target(
            name: "LanewalkCore",
            dependencies: ["LanewalkFFI"],
            swiftSettings: [.swiftLanguageMode(.v5)]
        ),
        .target(
            name: "LanewalkKit",
            dependencies: ["LanewalkCore"],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
        .testTarget(
            name: "LanewalkKitTests",
            dependencies: [
                "LanewalkKit",
                "LanewalkCore",
                .product(name: "Crypto", package: "swift-crypto", condition: .when(platforms: [.linux])),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
    ]
)
