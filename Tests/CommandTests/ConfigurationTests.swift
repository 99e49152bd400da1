import Foundation
import Testing

/// What is wrong in a file, where, and what is said of it.
private struct Wrong: CustomTestStringConvertible {
  let text: String
  let line: Int
  let says: String

  init(_ text: String, _ line: Int, _ says: String) {
    self.text = text
    self.line = line
    self.says = says
  }

  var testDescription: String { says }
}

/// The value, source and place of a key, as `config -o json` prints them.
private func effect(_ json: JSON, _ key: String) -> String {
  guard let setting = json["settings"].list.first(where: { $0["key"].text == key }) else {
    return "missing"
  }
  return ["value", "source", "place"].map { setting[$0].text ?? "-" }.joined(separator: " ")
}

@Suite("The configuration file") struct ConfigurationTests {
  /// A ledger of one host and one node, and databases `a.db` and `b.db` beside it that agree with it.
  private func fleet() throws -> Ledger {
    let ledger = try Ledger(of: [host("h1"), node("n1", on: "h1", 10)])
    for name in ["a", "b"] {
      let made = try ledger.run("project", "--to", "sqlite:" + ledger.scratch.file("\(name).db"))
      try #require(made.status == 0, "\(made.errors)")
    }
    return ledger
  }

  private func damage(_ database: String) throws {
    let ended = try Program(path: "/usr/bin/sqlite3").run([
      database, "UPDATE hosts SET node_count = 9",
    ])
    try #require(ended.status == 0, "\(ended.errors)")
  }

  private func run(
    _ arguments: [String], _ environment: [String: String] = [:], in scratch: Scratch
  ) throws -> Ended {
    try Program.allocledger.run(arguments, environment: environment, directory: scratch.path)
  }

  @Test("an option goes before the environment, and that before the file")
  func precedence() throws {
    let scratch = try Scratch()
    try scratch.write("ledger: of-file\noutput: json\n\nlog_format: json\n", to: "c.yaml")
    let file = scratch.file("c.yaml")
    let variables = ["ALLOCLEDGER_CONFIG": file]
    let plain = try JSON(run(["config"], variables, in: scratch).output)
    #expect(plain["schema"].text == "allocledger.config/1")
    #expect(effect(plain, "config") == "\(file) environment ALLOCLEDGER_CONFIG")
    #expect(effect(plain, "ledger") == "\(scratch.file("of-file")) file \(file):1")
    #expect(effect(plain, "output") == "json file \(file):2")
    #expect(effect(plain, "color") == "auto default -")
    #expect(effect(plain, "store") == "- default -")
    let variable = variables.merging(["ALLOCLEDGER_LEDGER": "of-variable"]) { $1 }
    let other = try JSON(run(["config"], variable, in: scratch).output)
    #expect(effect(other, "ledger") == "of-variable environment ALLOCLEDGER_LEDGER")
    for arguments in [
      ["--ledger", "of-option", "--config", "c.yaml", "config"],
      ["config", "--config=c.yaml", "--ledger", "of-option"],
    ] {
      let json = try JSON(run(arguments, variable, in: scratch).output)
      #expect(effect(json, "ledger") == "of-option command_line -")
      #expect(effect(json, "config") == "c.yaml command_line -")
    }
    let table = try run(["config", "-o", "csv", "--no-color"], variables, in: scratch)
    #expect(table.output.contains("color,never,command_line,\r\n"))
    #expect(table.output.contains("output,csv,command_line,\r\n"))
    let error = try run(["state"], variables, in: scratch)
    #expect(error.status == 4)
    #expect(try JSON(error.errors)["level"].text == "error", "log_format is that of the file")
  }

  @Test("where no file is named, the first that exists of three places counts")
  func places() throws {
    let scratch = try Scratch()
    let home = ["HOME": scratch.path]
    let both = home.merging(["XDG_CONFIG_HOME": scratch.file("xdg")]) { $1 }
    func ledger(_ variables: [String: String]) throws -> String {
      let ended = try run(["config", "-o", "json"], variables, in: scratch)
      #expect(ended.status == 0, "\(ended.errors)")
      return try effect(JSON(ended.output), "ledger")
    }
    for (directory, name) in [(".config", "home"), ("xdg", "xdg")] {
      let path = scratch.file(directory + "/allocledger")
      #expect(
        try ledger(both)
          == (name == "home"
            ? "- default -" : "/home file " + scratch.file(".config/allocledger/config.yaml:1")))
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try scratch.write("ledger: /\(name)", to: directory + "/allocledger/config.yaml")
      #expect(try ledger(both) == "/\(name) file \(path)/config.yaml:1")
    }
    #expect(try ledger(home).hasPrefix("/home file"))
    #expect(try ledger(both.merging(["ALLOCLEDGER_CONFIG": "/dev/null"]) { $1 }) == "- default -")
  }

  @Test(
    "what is wrong is named with file and line, and exits 64",
    arguments: [
      Wrong("ledger: a\nlegder: b", 2, "unknown key 'legder'"),
      Wrong("legder: b", 1, "did you mean 'ledger'?"),
      Wrong("ledger: [a]", 1, "ledger: expected one text"),
      Wrong("ledger: ''", 1, "ledger: expected a text that is not empty"),
      Wrong("\noutput: xml", 2, "table, json, ndjson, csv"),
      Wrong("color: always", 1, "auto, never"), Wrong("log_format: txt", 1, "text, json"),
      Wrong("- a\n- b", 1, "the file: expected keys with values"), Wrong("a", 1, "expected keys"),
      Wrong("ledger: a\nledger: b", 2, "it stands in line 1"), Wrong("a: [", 2, "no YAML"),
      Wrong("stores:\n  a: [sqlite:x]", 2, "stores.a: expected one text"),
      Wrong("stores:\n  a: b", 2, "stores.a: expected a store such as sqlite:PATH"),
      Wrong("stores:\n  a:\n", 2, "stores.a: expected a store"),
      Wrong("stores: x", 1, "stores: expected keys with values"),
      Wrong("stores:\n  'a:b': sqlite:x", 2, "cannot be a name"),
      Wrong("fleets:\n  f: sqlite:x", 2, "fleets.f: expected a list of stores"),
      Wrong("fleets:\n  f: []", 2, "fleets.f: expected a list"),
      Wrong("fleets:\n  f:\n    - a\n", 3, "no store 'a' under stores"),
      Wrong("stores:\n  f: sqlite:x\nfleets:\n  f: [f]", 4, "'f' is a name already"),
      Wrong("fleets:\n  f: [sqlite:x]\n  g: [f]", 3, "no store 'f' under stores"),
      Wrong("resource_validator:\n  shop: x", 2, "unknown key 'resource_validator.shop'"),
      Wrong("# why\nstore: x", 2, "there is no store or fleet 'x'"),
      Wrong("resource_validator: {store: x}", 1, "there is no store or fleet 'x'"),
      Wrong("config: x", 1, "unknown key 'config'"),
      Wrong("resource_validator.store: sqlite:x", 1, "unknown key"),
    ])
  private func wrong(wrong: Wrong) throws {
    let scratch = try Scratch()
    try scratch.write(wrong.text + "\n", to: "c.yaml")
    for command in [["state"], ["config"], ["config", "check"]] {
      let ended = try run(["--config", "c.yaml"] + command, in: scratch)
      #expect(ended.status == 64)
      #expect(
        ended.errors.hasPrefix("allocledger: error: c.yaml:\(wrong.line): "), "\(ended.errors)")
      #expect(ended.errors.contains(wrong.says), "\(ended.errors)")
      #expect(ended.output.isEmpty)
    }
  }

  @Test("a file that cannot be read exits 4, also where the environment names it")
  func unreadable() throws {
    let scratch = try Scratch()
    for place in ["missing.yaml", "."] {
      let ended = try run(["config", "--config", place], in: scratch)
      #expect(ended.status == 4)
      #expect(ended.errors.contains(place), "\(ended.errors)")
      let variable = try run(["state"], ["ALLOCLEDGER_CONFIG": place], in: scratch)
      #expect(variable.status == 4)
    }
    try scratch.write(String(repeating: "# x\n", count: 1 << 19), to: "large.yaml")
    #expect(try run(["config", "--config", "large.yaml"], in: scratch).status == 4)
    #expect(try run(["--help", "--config", "missing.yaml"], in: scratch).status == 0)
  }

  @Test("config check says that a file is right, or which store nobody knows")
  func check() throws {
    let scratch = try Scratch()
    #expect(try run(["config", "check"], in: scratch).status == 64)
    try scratch.write("stores:\n  a: sqlite:x\ncolor: never\n", to: "c.yaml")
    let right = try run(["config", "check", "--config", "c.yaml"], in: scratch)
    #expect(right.status == 0)
    #expect(right.output == "c.yaml is right: 1 setting, 1 name of stores\n")
    try scratch.write("stores:\n  a: redis://me:secret@x/1\n", to: "c.yaml")
    let unknown = try run(["config", "check", "--config", "c.yaml"], in: scratch)
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("c.yaml:2: redis://me:***@x/1"), "\(unknown.errors)")
    let shown = try run(["config", "--config", "c.yaml"], in: scratch)
    #expect(shown.status == 0)
    #expect(shown.output.contains("redis://me:***@x/1") && !shown.output.contains("secret"))
  }

  @Test("names stand for stores, and a fleet for several; relative paths begin at the file")
  func stores() throws {
    let ledger = try fleet()
    let scratch = ledger.scratch
    let file = try scratch.write(
      """
      ledger: ledger
      fleets:
        all: [a, b]
        mixed: ["sqlite:a.db", b]
      stores: {a: sqlite:a.db, b: "sqlite:b.db?schema=reference", new: sqlite:new.db}
      """, to: "c.yaml")
    func run(_ arguments: String...) throws -> Ended {
      try Program.allocledger.run(
        arguments, environment: ["ALLOCLEDGER_CONFIG": file], directory: "/")
    }
    func labels(_ arguments: String...) throws -> [String?] {
      let ended = try Program.allocledger.run(
        ["validate", "-o", "json"] + arguments, environment: ["ALLOCLEDGER_CONFIG": file],
        directory: "/")
      #expect(ended.status == 0, "\(ended.errors)")
      return try JSON(ended.output)["stores"].list.map { $0["store"].text }
    }
    let (a, b) = ("sqlite:" + scratch.file("a.db"), "sqlite:" + scratch.file("b.db"))
    #expect(try labels() == [], "the ledger alone")
    #expect(try labels("--store", "a") == [a])
    #expect(try labels("--store", "all") == [a, b])
    #expect(try labels("--store", "mixed") == [a, b])
    #expect(try labels("--store", "b", "--store", a) == [b, a])
    #expect(try run("validate", "--store", "all", "--store", "a").status == 6, "a is named twice")
    try damage(scratch.file("b.db"))
    #expect(try run("validate", "--store", "all").status == 1)
    let several = try run("repair", "--store", "all")
    #expect(several.status == 64)
    #expect(several.errors.contains("'all' is a fleet of 2 stores; name one of them"))
    #expect(try run("repair", "--store", "b", "--apply").status == 3)
    #expect(try run("validate", "--store", "all").status == 0)
    let unknown = try run("validate", "--store", "mixd")
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("did you mean 'mixed'?"), "\(unknown.errors)")
    #expect(try run("project", "--to", "new").status == 0)
    #expect(FileManager.default.fileExists(atPath: scratch.file("new.db")))
  }

  @Test("store stands in where validate and repair name none; an empty name is the ledger alone")
  func defaultStore() throws {
    let ledger = try fleet()
    try ledger.scratch.write("store: sqlite:a.db\n", to: "c.yaml")
    let options = ["--config", ledger.scratch.file("c.yaml")]
    try damage(ledger.scratch.file("a.db"))
    #expect(try ledger.run(["validate"] + options).status == 1)
    #expect(try ledger.run(["validate", "--store", ""] + options).status == 0)
    let other = "sqlite:" + ledger.scratch.file("b.db")
    #expect(try ledger.run(["validate", "--store", other] + options).status == 0)
    #expect(try ledger.run(["repair", "--apply"] + options).status == 3)
    #expect(try ledger.run(["validate"] + options).status == 0)
  }

  @Test("resource-validator: --store goes before the configuration, and that before DATABASE_URL")
  func resourceValidator() throws {
    let ledger = try fleet()
    let scratch = ledger.scratch
    try damage(scratch.file("a.db"))
    let validator = Program(
      path: Program.allocledger.path.replacingOccurrences(
        of: "/allocledger", with: "/resource-validator", options: .backwards))
    let (drift, clean) = ("sqlite:" + scratch.file("a.db"), "sqlite:" + scratch.file("b.db"))
    func status(_ yaml: String?, database: String?, _ arguments: String...) throws -> Int32 {
      var environment = ["XDG_STATE_HOME": scratch.file("state")]
      environment["DATABASE_URL"] = database
      if let yaml { environment["ALLOCLEDGER_CONFIG"] = try scratch.write(yaml, to: "c.yaml") }
      return try validator.run(["validate"] + arguments, environment: environment).status
    }
    #expect(try status(nil, database: nil) == 64)
    #expect(try status(nil, database: drift) == 1)
    #expect(try status("store: sqlite:b.db", database: drift) == 0)
    #expect(try status("store: sqlite:b.db", database: nil) == 0)
    #expect(
      try status("resource_validator: {store: sqlite:a.db}\nstore: \(clean)", database: nil) == 1)
    #expect(try status("store: sqlite:b.db", database: clean, "--store", drift) == 1)
    #expect(try status("stores: {live: sqlite:b.db}\nstore: live", database: drift) == 0)
    #expect(try status("store: [x]", database: clean) == 64)
  }
}
