import Foundation
import Testing

@Suite("Blockvisor: TLS") struct BlockvisorTLSTests {
  private func run(_ path: String, _ arguments: String...) throws {
    let ended = try Program(path: path).run(arguments)
    try #require(ended.status == 0, "\(path) \(arguments): \(ended.errors)")
  }

  /// A certificate for `localhost` that signs itself, beside its key.
  private func makeCertificate(_ path: String) throws {
    try run(
      "/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", path + ".key", "-out",
      path + ".crt")
  }

  @Test("a server is verified by its certificate; another one, or none, exits 4")
  func verified() throws {
    let server = try PostgresServer()
    let fleet = try Blockvisor(consistentFleet, on: server)
    func validate(_ parameters: String) throws -> Ended {
      // The name is what the certificate says; the server listens on one address.
      let address = fleet.address.replacing("@127.0.0.1", with: "@localhost")
      return try fleet.run(["validate", "--store", "\(address)&hostaddr=127.0.0.1&\(parameters)"])
    }
    let plain = try validate("sslmode=require")
    #expect(plain.status == 4 && plain.errors.contains("does not support SSL"), "\(plain.errors)")

    try makeCertificate(server.directory + "/server")
    if getuid() == 0 {
      try run("/usr/bin/chown", "postgres", server.directory + "/server.key")
      try run("/usr/bin/chown", "postgres", server.directory + "/server.crt")
    }
    try fleet.sql("ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();")
    let root = "sslmode=verify-full&sslrootcert="
    try waitUntil("the server speaks TLS") {
      (try? validate(root + server.directory + "/server.crt"))?.status == 0
    }
    // Nothing but TLS is let in any more.
    try Data("hostssl all all 127.0.0.1/32 trust\n".utf8).write(
      to: URL(fileURLWithPath: server.directory + "/pg_hba.conf"))
    try fleet.sql("SELECT pg_reload_conf()")
    try waitUntil("the server wants TLS") { (try? validate("sslmode=disable"))?.status == 4 }
    let good = try validate(root + server.directory + "/server.crt")
    #expect(good.status == 0, "\(good.errors)")
    let other = fleet.scratch.file("other")
    try makeCertificate(other)
    let wrong = try validate(root + other + ".crt")
    #expect(wrong.status == 4 && wrong.errors.contains("certificate"), "\(wrong.errors)")
    let misnamed = try fleet.run(
      ["validate", "--store", fleet.address + "&" + root + server.directory + "/server.crt"])
    #expect(misnamed.status == 4 && misnamed.errors.contains("127.0.0.1"), "\(misnamed.errors)")
  }
}
