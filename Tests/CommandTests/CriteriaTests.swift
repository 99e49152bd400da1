import Foundation
import Testing

@Suite("Criteria of upgrades") struct CriteriaTests {
  /// The criteria and tasks that there are.
  private static let criteria =
    [4, 5, 4, 5, 5].enumerated().flatMap { index, count in (1...count).map { "\(index + 1).\($0)" }
    }
  private static let tasks = (1...10).map { "task \($0)" }

  /// The rows of the page: what is asked for, and the names of the tests.
  private func rows() throws -> [(what: String, tests: [String])] {
    let page = String(
      decoding: try contents(packageRoot + "/docs/reference/criteria.md"), as: UTF8.self)
    return page.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard line.hasPrefix("|"), cells.count == 3, cells[0].contains(where: \.isNumber) else {
        return nil
      }
      // Names stand in backquotes.
      let names = cells[2].split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
      return (cells[0], names)
    }
  }

  @Test("every criterion and every task is listed once, with tests")
  func complete() throws {
    let rows = try rows()
    #expect(rows.map(\.what) == CriteriaTests.criteria + CriteriaTests.tasks)
    for row in rows { #expect(!row.tests.isEmpty, "\(row.what)") }
  }

  @Test("every test that is named there exists")
  func exist() throws {
    let sources = files(below: packageRoot + "/Tests").filter { $0.hasSuffix(".swift") }
    let text = try sources.map { String(decoding: try contents($0), as: UTF8.self) }.joined()
    for row in try rows() {
      for name in row.tests {
        // `@Test("name"` or, over two lines, the name at the beginning of the second.
        let isThere = text.contains("@Test(\"\(name)\"") || text.contains("@Test(\n    \"\(name)\"")
        #expect(isThere, "\(row.what): there is no test '\(name)'")
      }
    }
  }
}
