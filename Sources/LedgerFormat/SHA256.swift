#if OpenSSL
internal import CCrypto
#endif

/// SHA-256 (FIPS 180-4) of bytes that arrive in parts.
///
/// Safe: it alone owns the context of libcrypto, from `init` to `deinit`.
@safe
package struct SHA256: ~Copyable {
  package static let byteCount = 32

  #if OpenSSL
  private let context: OpaquePointer

  package init() {
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("out of memory") }
    unsafe self.context = unsafe context
    unsafe start(context)
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  private borrowing func start(_ context: OpaquePointer) {
    let status = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
    precondition(status == 1, "libcrypto offers SHA-256")
  }

  /// Adds `range` of `bytes`.
  package mutating func update(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      // Safe: the slice checks the range, and the function only reads.
      let part = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range])
      _ = unsafe EVP_DigestUpdate(context, part.baseAddress, part.count)
    }
  }

  /// The digest of what was added; the hash begins anew.
  package mutating func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
    unsafe digest.withUnsafeMutableBufferPointer { buffer in
      // Safe: the buffer has the 32 bytes that SHA-256 yields.
      _ = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
    }
    unsafe start(context)
    return digest
  }
  #else
  private var portable = PortableSHA256()

  package init() {}

  /// Adds `range` of `bytes`.
  package mutating func update(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    portable.update(bytes, range)
  }

  /// The digest of what was added; the hash begins anew.
  package mutating func finish() -> [UInt8] { portable.finish() }
  #endif

  /// Adds all `bytes`.
  package mutating func update(_ bytes: [UInt8]) { update(bytes.span, 0..<bytes.count) }

  /// The digest of `bytes`.
  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }
}
