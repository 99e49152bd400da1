#if OpenSSL
internal import CCrypto
#endif

/// SHA-256 (FIPS 180-4) of bytes that arrive in parts.
package struct SHA256: ~Copyable {
  package static let byteCount = 32

  #if OpenSSL
  private var context = SHA256_CTX()

  package init() { unsafe SHA256_Init(&context) }

  /// Adds `range` of `bytes`.
  package mutating func update(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      // Safe: the slice checks the range, and the function only reads.
      let part = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range])
      _ = unsafe SHA256_Update(&context, part.baseAddress, part.count)
    }
  }

  /// Appends the digest of what was added to `bytes`; the hash begins anew.
  package mutating func finish(into bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: SHA256.byteCount))
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      // Safe: the 32 bytes that SHA-256 yields were just appended.
      let digest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[start...])
      _ = unsafe SHA256_Final(digest.baseAddress, &context)
    }
    unsafe SHA256_Init(&context)
  }
  #else
  private var portable = PortableSHA256()

  package init() {}

  /// Adds `range` of `bytes`.
  package mutating func update(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    portable.update(bytes, range)
  }

  /// Appends the digest of what was added to `bytes`; the hash begins anew.
  package mutating func finish(into bytes: inout [UInt8]) {
    bytes.append(contentsOf: portable.finish())
  }
  #endif

  /// The digest of what was added; the hash begins anew.
  package mutating func finish() -> [UInt8] {
    var digest: [UInt8] = []
    digest.reserveCapacity(SHA256.byteCount)
    finish(into: &digest)
    return digest
  }

  /// Adds all `bytes`.
  package mutating func update(_ bytes: [UInt8]) { update(bytes.span, 0..<bytes.count) }

  /// The digest of `bytes`.
  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }
}
