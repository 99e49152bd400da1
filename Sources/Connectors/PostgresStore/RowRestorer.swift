import LedgerCore
import LedgerPorts

/// Puts rows back as they were before a repair.
struct RowRestorer {
  private let locker: RowLocker

  init(_ locker: RowLocker) {
    self.locker = locker
  }

  /// Puts `images` back, if every row still is what the repair left.
  func restore(
    _ images: [RowImage], _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    // In the order in which repairs lock them.
    for table in ["nodes", "hosts", "orgs"] {
      let merged = try merged(images.filter { $0.table == table })
      if merged.isEmpty { continue }
      let ids = merged.map(\.id)
      let current = try locker.rows(database, table, ids, locking: true)
      for (id, image) in merged {
        try check(current[id], image.after, table, id, "has changed since")
      }
      for (id, image) in merged { try putBack(id, image, database) }
      // Triggers could interfere.
      let restored = try locker.rows(database, table, ids, locking: false)
      for (id, image) in merged {
        try check(restored[id], image.before, table, id, "could not be put back exactly")
      }
    }
  }

  private func merged(_ images: [RowImage]) throws(PostgresFailure) -> [(id: Name, image: RowImage)]
  {
    var merged: [(id: Name, image: RowImage)] = []
    var indices: [Name: Int] = [:]
    for image in images {
      guard case .text(let key) = image.key else {
        throw .store(
          .refused("\(locker.label): a row of the repair has no uuid; nothing was changed"))
      }
      let id = Name(utf8: key.span)
      if let index = indices[id] {
        merged[index].image.after = image.after
      } else {
        indices[id] = merged.count
        merged.append((id, image))
      }
    }
    return merged
  }

  private func check(
    _ current: [StoredColumn]?, _ expected: [StoredColumn]?, _ table: String, _ id: Name,
    _ what: String
  ) throws(PostgresFailure) {
    guard current != expected else { return }
    let place = "\(locker.label): table \(table), row '\(id)' \(what)"
    throw .store(.stale("\(place): \(difference(current, expected)); nothing was changed"))
  }

  private func difference(_ current: [StoredColumn]?, _ expected: [StoredColumn]?) -> String {
    guard let current else { return "it is gone" }
    guard let expected else { return "it is there again" }
    guard current.map(\.name) == expected.map(\.name) else { return "it has other columns" }
    return zip(current, expected).filter { $0 != $1 }
      .map { "\($0.name) is \($0.evidence) instead of \($1.evidence)" }.joined(separator: ", ")
  }

  private func putBack(
    _ id: Name, _ image: RowImage, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard let before = image.before else {
      if image.after != nil { try locker.delete(database, image.table, id) }
      return
    }
    let generated = locker.catalog.columns(image.table).filter(\.isGenerated).map(\.name)
    let columns = before.filter { !generated.contains($0.name) }
    guard let after = image.after else { return try locker.insert(database, image.table, columns) }
    // Only what the repair changed: the user may lack the right to write the rest.
    try locker.update(database, image.table, id, columns.filter { !after.contains($0) })
  }
}
